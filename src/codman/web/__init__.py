"""Pages for people: plain HTML from the server, no script needed.

Start at app.py. A new page: a function in pages/, its words in views/, its template, its line in access.py.
"""
