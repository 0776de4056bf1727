"""The typed Python client of the API: a collection a noun, lists that go on by themselves, requests sent again safely.

Start at client.py.
"""

from codman.client.client import Client

__all__ = ["Client"]
