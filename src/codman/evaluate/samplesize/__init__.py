"""How many patients and events a wanted interval width needs, overall and for each slice of patients.

Start at plan.py; precision.py has each metric's interval width at n patients, linear_predictor.py the spread of risks
that calibration needs. A new metric: one function in precision.py and its line in WIDTHS.
"""
