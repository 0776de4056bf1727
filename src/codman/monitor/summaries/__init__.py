"""A day's rows read once into counts that add up: a window is a sum of days, whatever its length or slices.

grid.py decides from the reference where counts are kept; rows.py reads a table; day.py counts; windows.py adds;
statistics.py says what follows and how wrong it can be; file.py keeps it.
"""
