"""Reports by teams and vendors: who owes which by when, three ways in, and what is said where none came.

Start at schedules.py; calendar.py has the days, answers.py the one form of an answer, receiving.py the book's side.
"""
