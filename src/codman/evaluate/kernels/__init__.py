"""The loops that must be fast, in C: one shared library, loaded when first called.

Start at library.py; each .c file says what it computes.
"""
