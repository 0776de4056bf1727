"""One map-reduce over the batches of a table: in this process or on Apache Spark, with the same function.

Start at map_reduce.py, which says what a job is; here.py and spark.py run one.
"""
