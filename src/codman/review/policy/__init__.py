"""Policies: read, check, judge, compare.

Start at judge.py. A new kind of requirement: one file beside measurement.py that keeps requirement.py's interface, and
its line in catalog.py.
"""

from codman.review.policy.judge import judge
from codman.review.policy.load import load_policy

__all__ = ["judge", "load_policy"]
