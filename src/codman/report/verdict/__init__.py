"""A verdict as text, JSON, JUnit, SARIF, GitHub annotations or Markdown: one file a format.

Start at formats.py. A new format: one function in a file here, one line in formats.py.
"""
