"""Codman: follow every clinical AI system to its end result.

Start at flows/ for the journeys and spine/ for the nouns; README.md carries the annotated tree.
"""

__version__ = "0.1.0"
