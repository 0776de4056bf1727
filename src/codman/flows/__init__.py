"""Journeys between nouns, one file a journey: predictions to a statement, a statement to the same numbers again.

Start at assess.py. provenance.py says where numbers come from; the doors call nothing else.
"""
