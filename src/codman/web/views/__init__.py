"""What the templates are given: plain dataclasses, every word ready to be shown."""
