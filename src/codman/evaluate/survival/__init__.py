"""Survival: how long patients stayed free of the event, where some were still free of it when follow-up ended.

followup.py sorts the rows once; product_limit.py has Kaplan–Meier and the censoring weights; concordance.py,
auroc_t.py, brier.py and calibration_t.py hold the metrics; points.py runs them over slices; intervals.py turns them
into Estimates.
"""
