"""Invented patients and an invented hospital: nobody in here ever lived.

Start at hospital.py: `make_hospital(seed)` is a health system with its AI and two years of its history, as plain spine
nouns. predictions.py invents what a model said and what then happened; catalogue.yaml says what there is.
"""
