"""Events on disk: acknowledged when a segment has them, moved into Delta tables, read back joined.

Start at store.py: segment.py is the write-ahead log, index.py knows every event's identity, mover.py fills the
Delta tables, view.py reads them.
"""
