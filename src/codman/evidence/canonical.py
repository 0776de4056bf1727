"""Canonical JSON (RFC 8785): one value, one sequence of bytes, so that a digest means something.

Also the way back: `parse` reads JSON from strangers and refuses what has no single meaning.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from typing import Any, Final, Never

import rfc8785

from codman.errors import BadInput

MAX_BYTES: Final = 64 * 1024 * 1024  # a statement of 10,000 measurements is about 3 MiB
MAX_DEPTH: Final = 64  # a statement is about 8 deep
_SAFE_DIGITS: Final = 16  # shorter ones, sign included, are all safe
_SAFE_INTEGER: Final = 2**53 - 1  # RFC 8785 section 3.2.2.3: larger ones are not one number everywhere


class NotCanonical(BadInput):
    """A value that has no canonical JSON: NaN, infinity, an integer beyond 2^53, text that is not Unicode."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="this has no canonical JSON",
            why=why,
            fix="give finite numbers, plain text, lists and objects with text keys",
        )


class NotJson(BadInput):
    """Bytes that are not one unambiguous JSON value."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(what=f"{name} is not readable JSON", why=why, fix="give the file as Codman wrote it")


def canonical(value: Any) -> bytes:
    """The one way to write a value as JSON, byte for byte.

    Args:
        value: Mappings with text keys, lists, tuples, text, finite numbers, booleans and None, to 64 levels.

    Returns:
        UTF-8 bytes: keys in UTF-16 order, numbers as ECMAScript prints them, no white space.

    Raises:
        NotCanonical: The value holds something JSON cannot say in one way.

    Source: RFC 8785, JSON Canonicalization Scheme.
    """
    writer = _Writer()
    writer.value(value, 0)
    try:
        return "".join(writer.pieces).encode()
    except UnicodeEncodeError:
        raise NotCanonical("a text holds half of a surrogate pair") from None


def sha256(data: bytes) -> str:
    """The sha256 of some bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def parse(data: bytes, *, name: str) -> Any:
    """Read JSON that somebody else wrote.

    Args:
        data: The bytes, UTF-8.
        name: What to call them in an error, usually the file's name.

    Raises:
        NotJson: Too large, not UTF-8, not JSON, nested too deep, a key twice in one object, NaN or infinity.
    """
    if len(data) > MAX_BYTES:
        raise NotJson(name, f"it is larger than {MAX_BYTES // 1024**2} MiB")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_finite,
            parse_int=_whole,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError as error:
        raise NotJson(name, f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotJson(name, f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise NotJson(name, f"it is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise NotJson(name, str(error)) from None
    if _deeper_than(value, MAX_DEPTH):
        raise NotJson(name, f"it is nested deeper than {MAX_DEPTH} levels")
    return value


class _Writer:
    """Writes one value; remembers how it sorted and quoted the keys of objects that look alike."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._orders: dict[tuple[Any, ...], list[tuple[str, str]]] = {}

    def value(self, value: Any, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise NotCanonical(f"it is nested deeper than {MAX_DEPTH} levels")
        kind = type(value)
        put = self.pieces.append
        if kind is dict or (kind not in _PLAIN and isinstance(value, Mapping)):
            start = "{"
            for key, quoted in self._order(tuple(value)):
                inner = value[key]
                plain = _PLAIN.get(type(inner))
                if plain is None:
                    put(start + quoted)
                    self.value(inner, depth + 1)
                else:
                    put(start + quoted + plain(inner))
                start = ","
            put("{}" if start == "{" else "}")
        elif kind is list or kind is tuple:
            start = "["
            for inner in value:
                plain = _PLAIN.get(type(inner))
                if plain is None:
                    put(start)
                    self.value(inner, depth + 1)
                else:
                    put(start + plain(inner))
                start = ","
            put("[]" if start == "[" else "]")
        elif kind in _PLAIN:
            put(_PLAIN[kind](value))
        elif isinstance(value, str):  # a word of an enumeration
            put(encode_basestring(str(value)))
        else:
            raise NotCanonical(f"a {kind.__name__} is not JSON")

    def _order(self, keys: tuple[Any, ...]) -> list[tuple[str, str]]:
        found = self._orders.get(keys)
        if found is None:
            if not all(isinstance(key, str) for key in keys):
                raise NotCanonical("a key of an object is not text")
            try:
                # RFC 8785 sorts by UTF-16 units, which differs from code points beyond the basic plane
                ordered = sorted(keys, key=lambda key: key.encode("utf-16-be"))
            except UnicodeEncodeError:
                raise NotCanonical("a key holds half of a surrogate pair") from None
            found = self._orders[keys] = [(key, encode_basestring(str(key)) + ":") for key in ordered]
        return found


def _number(value: float) -> str:
    text = repr(value)
    if "e" not in text and text[-2:] != ".0" and text[-1] not in "nf":
        return text  # Python and ECMAScript print the same shortest digits here
    if text[-2:] == ".0" and abs(value) <= _SAFE_INTEGER:
        return repr(int(value))  # -0.0 too is 0
    if not math.isfinite(value):
        raise NotCanonical("NaN and infinity have no JSON")
    return str(rfc8785.dumps(value), "ascii")


def _integer(value: int) -> str:
    if not -_SAFE_INTEGER <= value <= _SAFE_INTEGER:
        raise NotCanonical("an integer is beyond 2^53, where not every reader keeps it")
    return repr(value)


# the plain types, by identity of the type: a bool is an int only by inheritance, and must not print as one
_PLAIN: Final[dict[type, Callable[[Any], str]]] = {
    str: encode_basestring,
    float: _number,
    int: _integer,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object holds the same key twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise ValueError("a number is too large to hold")
    return number


def _whole(text: str) -> int | float:
    if len(text) < _SAFE_DIGITS:
        return int(text)
    # beyond 2^53 every whole number is a double; one that is none would be another number to another reader
    number = _finite(text)
    if abs(number) <= _SAFE_INTEGER:
        return int(text)
    if _number(number) != text:
        raise ValueError("a whole number is larger than every reader keeps exactly")
    return number


def _no_constant(text: str) -> Never:
    raise ValueError(f"{text} is not JSON")


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        boxes = [inner for inner in level if isinstance(inner, (dict, list))]
        if not boxes:
            return False
        level = [inner for box in boxes for inner in (box.values() if isinstance(box, dict) else box)]
    return True
