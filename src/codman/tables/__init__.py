"""Tables in: files, Delta tables and data frames, read column by column.

Start at source.py (`open_source`); reader.py says what every format offers and what can be wrong with one.
A new format: one file here with a Source, one line in source.py.
"""
