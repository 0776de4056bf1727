"""Charts as Vega-Lite specifications, data inline: look.py the common look, one file a kind of chart.

Nothing here draws: chart_worker.py does, in a process of its own.
"""
