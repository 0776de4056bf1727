"""Decide on evidence: what a checkpoint demands, and whether it is there.

Start at policy/judge.py. A new kind of requirement: one file in policy/, one line in policy/catalog.py.
"""
