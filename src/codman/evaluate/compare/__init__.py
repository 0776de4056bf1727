"""Two models on the same patients: how much better or worse B is than A, with paired intervals and tests.

Start at run.py; pairing.py joins the rows, changes.py picks the method, margins.py draws the conclusion. What slices
share is summed once: scores in rankings.py, flags in kinds.py. A new metric: one line in rates.py, if its word is in
the vocabulary.
"""
