"""Names that never collide, sort by when they were given, and say what they name."""

from __future__ import annotations

import secrets
import time
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_TIME_DIGITS: Final = 10  # 50 bits of milliseconds
_CHANCE_DIGITS: Final = 10


def new_id(kind: str) -> str:
    """A fresh identifier, e.g. `use-01k9z2m4q7r3t5v8w0xy`.

    Args:
        kind: What it names; stands in front.
    """
    return f"{kind}-{_digits(time.time_ns() // 1_000_000, _TIME_DIGITS)}{_digits(secrets.randbits(50), _CHANCE_DIGITS)}"


def _digits(number: int, count: int) -> str:
    digits = []
    for _ in range(count):
        digits.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(digits))
