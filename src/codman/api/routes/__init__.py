"""The operations, one file a topic; catalog.py lists them."""
