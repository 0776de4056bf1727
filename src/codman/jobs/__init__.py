"""What the house does later: messages it owes, leases on work, and jobs by the clock; each takes effect once.

Start at outbox.py. A message is written with the change it is about, and worker.py sends it later, through a Notifier.
"""
