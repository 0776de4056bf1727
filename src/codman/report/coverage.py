"""Which characters the shipped type face can print; a PDF that must be readable by all may not show empty boxes."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any


def printable(value: Any, font: Path) -> Any:
    """The same JSON value with every character that `font` lacks written as its number: `[U+4E2D]`."""
    if isinstance(value, str):
        known = characters(font)
        return "".join(
            c if ord(c) in known else " " if c.isspace() or ord(c) < 32 else f"[U+{ord(c):04X}]" for c in value
        )
    if isinstance(value, list):
        return [printable(one, font) for one in value]
    if isinstance(value, dict):
        return {key: printable(one, font) for key, one in value.items()}
    return value


@cache
def characters(font: Path) -> frozenset[int]:
    """Code points a TrueType file has a glyph for. Source: OpenType 1.9.1, 'cmap', formats 4 and 12."""
    data = font.read_bytes()
    tables = {
        data[12 + 16 * i : 16 + 16 * i]: struct.unpack_from(">I", data, 20 + 16 * i)[0]
        for i in range(struct.unpack_from(">H", data, 4)[0])
    }
    cmap = tables[b"cmap"]
    found: set[int] = set()
    for i in range(struct.unpack_from(">H", data, cmap + 2)[0]):
        at = cmap + struct.unpack_from(">I", data, cmap + 8 + 8 * i)[0]
        kind = struct.unpack_from(">H", data, at)[0]
        if kind == 4:
            found |= _format_4(data, at)
        elif kind == 12:
            found |= _format_12(data, at)
    return frozenset(found)


def _format_4(data: bytes, at: int) -> set[int]:
    count = struct.unpack_from(">H", data, at + 6)[0] // 2
    ends = struct.unpack_from(f">{count}H", data, at + 14)
    starts = struct.unpack_from(f">{count}H", data, at + 16 + 2 * count)
    return {c for start, end in zip(starts, ends, strict=True) for c in range(start, end + 1) if end != 0xFFFF}


def _format_12(data: bytes, at: int) -> set[int]:
    groups = struct.unpack_from(">I", data, at + 12)[0]
    found: set[int] = set()
    for i in range(groups):
        start, end, _ = struct.unpack_from(">III", data, at + 16 + 12 * i)
        found.update(range(start, end + 1))
    return found
