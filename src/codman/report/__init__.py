"""Statements as documents for people: one HTML file or one PDF, with nothing fetched and nothing run.

make.py is the door; document.py holds the nouns, words.py how things are said, figures/ every chart; html.py and pdf.py
are the two forms.
"""
