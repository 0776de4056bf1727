"""The server looks after itself: its figures, whether it is ready to serve, and how the house stands.

Start at figures.py. A new figure of the house: one function, one line in SOURCES; one that is counted while the server
works: an instrument in telemetry.py.
"""
