"""The one guarded way out of the house: who may be called, at which address, for how long and how much.

Start at policy.py. Everything that calls somebody else's server does it through client.py; only client/, which runs
on other people's machines, and the database's own driver go by themselves.
"""
