"""Concerns: somebody on a ward says that something is wrong; who must look, by when, what is done, how it closes.

Start at raising.py. Then following.py (a clinician has it), actions.py (what is done, and the close), looking.py (the
rounds that remind and escalate), posters.py (links and QR codes), export.py (blinded, for others to learn from).
"""
