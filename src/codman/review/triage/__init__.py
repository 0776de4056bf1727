"""How closely a use is looked at: rules as data, the reasons shown, and what a person may decide otherwise.

Start at rules.yaml (what pushes where, and which clause says so) and tier.py (how rules become a tier). A new rule: one
entry in rules.yaml, under a new edition.
"""
