"""Evidence: statements that anybody can check, with Codman or without it.

canonical.py (one value, one sequence of bytes) → statements.py (build, read, write) → envelope.py and keys.py (sign) →
verify.py (which step failed) → store.py (kept once, by digest) → merkle.py (kept in order, provably).
A new kind of evidence: its predicate in spine/, one line in schemas.py.
"""
