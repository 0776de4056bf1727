"""Predictions in, Measurements out: metrics, intervals, slices of patients.

`from codman.evaluate import evaluate` in a notebook. To read on, start at run.py; a new metric is one function in
metrics/ and its word in spine/vocabulary.py.
"""

from codman.evaluate.run import evaluate

__all__ = ["evaluate"]
