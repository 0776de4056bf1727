"""A use is proposed: questions that ask only what earlier answers make necessary.

Start at questions.yaml (what is asked) and form.py (what is asked now). A new question: one entry in questions.yaml,
under a new edition; the edition it replaces moves to editions/.
"""
