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
_LAST_PLAIN_EXPONENT: Final = 6  # ECMAScript writes 0.000001 and 1e-7; Python 1e-06 and 1e-07
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
    try:
        return _Writer().text(value).encode()
    except UnicodeEncodeError:
        raise NotCanonical("a text holds half of a surrogate pair") from None


def sha256(data: bytes) -> str:
    """The sha256 of some bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def parse(data: bytes, *, name: str, at_most: int | None = None) -> Any:
    """Read JSON that somebody else wrote.

    Args:
        data: The bytes, UTF-8.
        name: What to call them in an error, usually the file's name.
        at_most: How many bytes are read; MAX_BYTES where it is not said.

    Raises:
        NotJson: Too large, not UTF-8, not JSON, nested too deep, a key twice in one object, NaN or infinity.
    """
    limit = MAX_BYTES if at_most is None else at_most
    if len(data) > limit:
        raise NotJson(name, f"it is larger than {limit:,} bytes")
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
        self._orders: dict[tuple[Any, ...], list[tuple[str, str]]] = {}

    def text(self, value: Any, depth: int = 0) -> str:
        # 10,000 measurements are 150,000 values, nearly all plain: those are written without a call of their own
        if depth > MAX_DEPTH:
            raise NotCanonical(f"it is nested deeper than {MAX_DEPTH} levels")
        kind = type(value)
        below = depth + 1
        plain = _PLAIN.get
        if kind is dict or (kind not in _PLAIN and isinstance(value, Mapping)):
            order = self._orders.get(tuple(value)) or self._order(tuple(value))
            pieces = [
                quoted + write(inner)
                if (write := plain(type(inner := value[key])))
                else quoted + self.text(inner, below)
                for key, quoted in order
            ]
            return "{" + ",".join(pieces) + "}"
        if kind is list or kind is tuple:
            return (
                "["
                + ",".join(
                    [write(inner) if (write := plain(type(inner))) else self.text(inner, below) for inner in value]
                )
                + "]"
            )
        if kind in _PLAIN:
            return _PLAIN[kind](value)
        if isinstance(value, str):  # a word of an enumeration
            return encode_basestring(str(value))
        raise NotCanonical(f"a {kind.__name__} is not JSON")

    def _order(self, keys: tuple[Any, ...]) -> list[tuple[str, str]]:
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
    # Python and ECMAScript print the same shortest digits, but for exponents and whole numbers ("nan", "inf": later)
    if 0.0001 <= value < 1.0 or ("." in text and "e" not in text and text[-2:] != ".0"):
        return text
    if text[-2:] == ".0" and abs(value) <= _SAFE_INTEGER:
        return repr(int(value))  # -0.0 too is 0
    if not math.isfinite(value):
        raise NotCanonical("NaN and infinity have no JSON")
    mantissa, small, exponent = text.partition("e-")
    if not small:
        return str(rfc8785.dumps(value), "ascii")
    if int(exponent) > _LAST_PLAIN_EXPONENT:
        return f"{mantissa}e-{int(exponent)}"
    sign, digits = ("-", mantissa[1:]) if value < 0 else ("", mantissa)
    return f"{sign}0.{'0' * (int(exponent) - 1)}{digits.replace('.', '')}"


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
