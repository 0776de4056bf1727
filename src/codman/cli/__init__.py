"""Commands, one file a topic. Doors only translate: arguments in, a flow or an engine called, text out.

Start at main.py: it lists every command and loads a topic's file only when that command runs.
"""
