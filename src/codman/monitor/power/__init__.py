"""Before switching on: what would be noticed and how soon, and how many alarms that costs, through the same alarms.

world.py (how scores and outcomes are spread) → shifts.py (a fall planted in it) → looks.py (what a metric is judged
by) → notice.py (how long until it is noticed). replay_rows.py and replay_measured.py run the alarms over history;
streams.py measures the false alarms of many features and slices together.
"""
