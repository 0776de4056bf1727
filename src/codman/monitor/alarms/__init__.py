"""From what moved to what a person is told: evidence beyond a limit, few false alarms, incidents with an owner.

The order of things: stream.py (what is watched) → e_values.py, betting.py (evidence that a shift exceeds δ) →
evidence.py (over the last windows together) → discoveries.py (false-discovery control) → watch.py (on and off) →
incidents.py (grouping, probable cause) → duty.py (acknowledge, snooze, escalate) → budgets.py (how many, to whom).
"""
