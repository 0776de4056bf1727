"""The nouns every room shares: one file a noun, no input or output, no data frames.

Start at measurement.py; vocabulary.py is the dictionary of metric names.
"""
