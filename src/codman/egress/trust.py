"""Whose certificates are believed: the public authorities', or those of one file and no others."""

from __future__ import annotations

import ssl
from functools import lru_cache

import httpx

from codman.egress.policy import EgressPolicy, believing


def trusted(policy: EgressPolicy) -> ssl.SSLContext:
    """TLS as a policy wants it: TLS 1.2 or later, certificates and names always checked."""
    return _public() if policy.ca_file is None else believing(policy.ca_file)


@lru_cache(maxsize=1)
def _public() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)  # a list of its own: a small container has none
