"""Other people's lists in, uses out: read a file, map its columns, convert its values, know each row again.

Start at mapping.py (what a mapping says) and write.py (how rows reach the book). A new ready mapping: one YAML file in
mappings/. A new kind of file: one reader, one line in reading.py.
"""
