"""JSON for machines, under /api/v1: records, evidence, the audit log; one table of operations, one OpenAPI document.

Start at operation.py (what an operation declares), then routes/ (one file a topic) and app.py. A new operation: one
Operation in its topic's file. It is served, described and guarded by what it declares.
"""
