"""Days as people write them: ISO, American, Excel's serials, months, quarters, fiscal years, seasons.

A text that names less than a day (a month, a quarter, a year) is read as its first day, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_EXCEL_EPOCH: Final = date(1899, 12, 30)  # the 1900 date system, with Lotus's leap day that was none
_EXCEL_SERIALS: Final = range(20_000, 60_000)  # 1954 to 2064; smaller numbers are counts, larger ones are not dates
_YEARS: Final = range(1950, 2101)
_CENTURY_TURNS: Final = 70  # POSIX: 69 is 2069, 70 is 1970

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        1,
    )
    for name in names
}
_SEASONS: Final = {"spring": 3, "summer": 6, "fall": 9, "autumn": 9, "winter": 12}  # meteorological, northern
_PARTS: Final = {"early": 1, "mid": 6, "late": 10}

_TIME: Final = re.compile(r"[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*([ap]\.?m\.?)?\s*(z|utc|[+-]\d{2}:?\d{2})?$", re.I)
_BEFORE: Final = re.compile(r"^(approx(imately)?|circa|ca|c|est|estimated|expected|about|since|as of|~)[.:]?\s+", re.I)
_NUMBERS: Final = re.compile(r"^(\d{1,4})([-/.])(\d{1,2})(?:\2(\d{1,4}))?$")
_DAY_OR_MONTH: Final = re.compile(r"^\s*(\d{1,2})([/-])(\d{1,2})\2(\d{4}|\d{2})\b")
_MONTH_YEAR: Final = re.compile(r"^(\d{1,2})[/-](\d{4})$")
_COMPACT: Final = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_WORDS: Final = re.compile(r"^([a-z]+)\.?[ ,/-]*(\d{1,2})(?:st|nd|rd|th)?[ ,/-]+(\d{4}|\d{2})$")  # September 8, 2025
_WORDS_DAY_FIRST: Final = re.compile(r"^(\d{1,2})(?:st|nd|rd|th)?[ /-]+([a-z]+)\.?[ ,/-]*(\d{4}|\d{2})$")  # 8 Sep 2025
_WORD_YEAR: Final = re.compile(r"^([a-z]+)\.?[ ,/'-]*(\d{4}|\d{2})$")  # June 2024, Apr-25
_YEAR_WORD: Final = re.compile(r"^(\d{4})[ ,/-]*([a-z]+)$")  # 2024 June
_QUARTER: Final = re.compile(
    r"^(?:(fy|fiscal year)[ '-]*(\d{4}|\d{2})|(cy|year)?[ '-]*(\d{4}))[ ,/-]*q(?:uarter|tr)?\s*([1-4])$"
)
_QUARTER_FIRST: Final = re.compile(
    r"^(?:q(?:uarter|tr)?\s*([1-4])|([1-4])(?:st|nd|rd|th)? q(?:uarter|tr))[ ,/-]*"
    r"(?:of )?(fy|fiscal year)?[ '-]*(\d{4}|\d{2})$"
)
_FISCAL_YEAR: Final = re.compile(r"^(?:fy|fiscal year)[ '-]*(\d{4}|\d{2})$")
_SEASON_MONTHS: Final = _MONTHS | _SEASONS | _PARTS


@dataclass(frozen=True, slots=True)
class ReadDay:
    """A day as the book keeps it, and what had to be assumed."""

    day: str  # ISO 8601
    assumed: str | None = None  # e.g. the first day of a month that was all the file said


def read_day(text: str, *, day_first: bool = False) -> ReadDay | None:
    """The day a text names, or None where it names none.

    Args:
        text: As the file has it.
        day_first: Whether 3/4/2024 is the third of April; a number above 12 decides by itself.
    """
    plain = " ".join(text.replace("\xa0", " ").replace("–", "-").replace("’", "'").split()).casefold().rstrip(".")
    plain = _TIME.sub("", _BEFORE.sub("", plain)).strip()
    return _serial(plain) or _numbers(plain, day_first) or _named(plain) or _quarter(plain)


def reads_both_ways(text: str) -> bool:
    """Whether a text is a date whose day and month could change places, e.g. 03/04/2024."""
    found = _DAY_OR_MONTH.match(text)
    return found is not None and found[1] != found[3] and max(int(found[1]), int(found[3])) <= 12


def day_comes_first(texts: Iterable[str]) -> bool | None:
    """Whether the day stands before the month in a column, by its dates that read one way only; None is unsettled."""
    pairs = [(int(found[1]), int(found[3])) for text in texts if (found := _DAY_OR_MONTH.match(text))]
    first, second = any(a > 12 for a, _ in pairs), any(b > 12 for _, b in pairs)
    return None if first == second else first


def _serial(text: str) -> ReadDay | None:
    whole, _, rest = text.partition(".")
    if not (whole.isascii() and whole.isdigit() and (not rest or rest.isdigit())):
        return None
    number = int(whole) if len(whole) <= 8 else 0
    if len(whole) == 4 and not rest and number in _YEARS:
        return _made(number, 1, 1, "only the year is given")
    if number in _EXCEL_SERIALS:
        day = _EXCEL_EPOCH + timedelta(days=number)
        return ReadDay(day.isoformat(), "read as a spreadsheet's day number")
    compact = _COMPACT.match(whole) if not rest else None
    return _made(int(compact[1]), int(compact[2]), int(compact[3])) if compact else None


def _numbers(text: str, day_first: bool) -> ReadDay | None:
    month_year = _MONTH_YEAR.match(text)
    if month_year:
        return _made(int(month_year[2]), int(month_year[1]), 1, "only the month is given")
    found = _NUMBERS.match(text)
    if not found:
        return None
    first, second, third = int(found[1]), int(found[3]), found[4]
    if len(found[1]) == 4:
        return _made(first, second, int(third)) if third else _made(first, second, 1, "only the month is given")
    if third is None or len(third) not in (2, 4):
        return None
    year, assumed = _year(third)
    if first > 12 or (second <= 12 and (day_first or found[2] == ".")):  # 8.9.2025 is how the day comes first
        return _made(year, second, first, assumed)
    return _made(year, first, second, assumed)


def _named(text: str) -> ReadDay | None:
    found = _WORDS.match(text)
    if found and found[1] in _MONTHS:
        year, assumed = _year(found[3])
        return _made(year, _MONTHS[found[1]], int(found[2]), assumed)
    found = _WORDS_DAY_FIRST.match(text)
    if found and found[2] in _MONTHS:
        year, assumed = _year(found[3])
        return _made(year, _MONTHS[found[2]], int(found[1]), assumed)
    found = _WORD_YEAR.match(text)
    word, digits = (found[1], found[2]) if found else ("", "")
    found = None if found else _YEAR_WORD.match(text)
    if found:
        word, digits = found[2], found[1]
    if word not in _SEASON_MONTHS:
        return None
    year, assumed = _year(digits)
    only = "month" if word in _MONTHS else "season" if word in _SEASONS else "part of the year"
    return _made(year, _SEASON_MONTHS[word], 1, "; ".join(filter(None, (f"only the {only} is given", assumed))))


def _quarter(text: str) -> ReadDay | None:
    found = _QUARTER.match(text)
    if found:
        return _quarter_start(found[2] or found[4], int(found[5]), fiscal=found[1] is not None)
    found = _QUARTER_FIRST.match(text)
    if found:
        return _quarter_start(found[4], int(found[1] or found[2]), fiscal=found[3] is not None)
    found = _FISCAL_YEAR.match(text)
    if not found:
        return None
    year, assumed = _year(found[1])
    return _made(year - 1, 10, 1, "; ".join(filter(None, ("a US federal fiscal year, from 1 October", assumed))))


def _quarter_start(digits: str, quarter: int, *, fiscal: bool) -> ReadDay | None:
    year, assumed = _year(digits)
    month = 3 * quarter - 2
    said = "only the quarter is given"
    if fiscal:  # the federal year 2024 begins in October 2023
        year, month = (year - 1, 10) if quarter == 1 else (year, month - 3)
        said += ", of a US federal fiscal year"
    return _made(year, month, 1, "; ".join(filter(None, (said, assumed))))


def _year(digits: str) -> tuple[int, str | None]:
    if len(digits) == 4:
        return int(digits), None
    year = int(digits) + (2000 if int(digits) < _CENTURY_TURNS else 1900)
    return year, f"the year '{digits} is read as {year}"


def _made(year: int, month: int, day: int, assumed: str | None = None) -> ReadDay | None:
    if year not in _YEARS:
        return None
    try:
        return ReadDay(date(year, month, day).isoformat(), assumed)
    except ValueError:
        return None
