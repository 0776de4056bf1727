"""Whether what a model sees and says has changed: one file a statistic, run.py for all columns at once.

Every statistic is exact, over all rows; runs over sums of days stand in monitor/summaries.
"""
