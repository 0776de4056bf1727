"""The inner loops, in C: two samples walked side by side, values placed in bins, an additive classifier fitted.

Each .c file says what it computes; library.py types it.
"""
