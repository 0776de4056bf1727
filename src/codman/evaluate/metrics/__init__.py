"""Metrics of a score against what happened, every slice at once.

Each file takes a Ranked and returns Estimates. Start at discrimination.py.
"""
