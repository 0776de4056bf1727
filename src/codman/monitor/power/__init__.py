"""Before switching on: what would be noticed and how soon, and how many alarms that costs, through the same alarms.

world.py (how scores and outcomes are spread) → shifts.py (a fall planted in it) → score_metrics.py (metrics from
counts) → notice.py (how long until it is noticed). replay.py runs the alarms over history; streams.py measures the
false alarms of many features and slices together.
"""
