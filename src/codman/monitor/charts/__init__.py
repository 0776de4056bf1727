"""Control charts: numbers over time (or over sites) in, points with centre, limits and signals out.

Start at chart.py, the one result. A chart is one file; run_rules.py has the named rules, run_lengths.py how often a
chart signals for nothing.
"""
