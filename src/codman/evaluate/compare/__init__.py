"""Two models on the same patients: how much better or worse B is than A, with paired intervals and tests.

Start at run.py; pairing.py joins the rows, changes.py picks the method, margins.py draws the conclusion.
A new metric: one line in rates.py (or influence.py), if its word is in the vocabulary.
"""
