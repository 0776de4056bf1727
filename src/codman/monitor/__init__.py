"""After go-live: drift, performance with and without labels, charts, alarms, power. Rows in, Measurements out.

Start at drift/run.py. A new drift test: one file in drift/, its word in spine/vocabulary.py.
"""
