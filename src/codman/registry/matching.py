"""Products held against the FDA's list of AI-enabled devices: a number proves, names only propose.

A vendor has dozens of devices with nearly one name, so a match by names carries its reasons and stays a proposal, and
where several devices fit equally well none of them is put before the others.

Source of the list: FDA, Artificial Intelligence-Enabled Medical Devices (date, submission, device, company, panel).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from codman.registry.alike import Rarity, words_of
from codman.registry.imports.dates import read_day
from codman.registry.imports.table import Table, UnreadableList, normal
from codman.registry.imports.values import submission_of, vendor_key

BY_NUMBER: Final = "submission"
LISTS: Final = ("fda",)

_LEAST: Final = 0.55  # below it is no proposal
_AS_GOOD: Final = 0.02  # scores this near are a tie
_MOST: Final = 5  # proposals for one product
_COLUMNS: Final = {
    "submission": ("submission number", "submission", "510 k number", "number"),
    "device": ("device", "device name"),
    "company": ("company", "applicant", "manufacturer"),
    "decided_on": ("date of final decision", "decision date", "date"),
    "panel": ("panel lead", "panel"),
}
_PANEL_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "radiology": (
        "ct",
        "mri",
        "mr",
        "x ray",
        "xray",
        "radiograph",
        "imaging",
        "ultrasound",
        "mammogra",
        "radiolog",
        "scan",
    ),
    "cardiovascular": ("cardi", "ecg", "ekg", "heart", "atrial", "echo", "coronary"),
    "neurology": ("neuro", "stroke", "brain", "eeg", "seizure"),
    "ophthalmic": ("retin", "ophthalm", "eye"),
    "gastroenterology urology": ("endoscop", "colon", "polyp", "prostate"),
    "hematology": ("blood", "hematolog", "cell"),
    "pathology": ("patholog", "slide", "biopsy"),
}


@dataclass(frozen=True, slots=True)
class Device:
    """One authorisation on the list."""

    submission: str
    device: str
    company: str
    decided_on: str | None
    panel: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product as the book has it, as far as matching looks at it."""

    id: str
    name: str
    vendor: str | None
    submission: str | None
    words: str  # purpose, summary: to tell the panel


@dataclass(frozen=True, slots=True)
class Match:
    """A product and a device that may be it."""

    product: str
    device: Device
    score: float  # 1 by number; otherwise how alike the names are, below 1
    reasons: tuple[str, ...]
    by_number: bool = False


def devices_of(table: Table, name: str) -> list[Device]:
    """The devices of a downloaded list.

    Raises:
        UnreadableList: It has no column of submission numbers, devices or companies.
    """
    by_normal = {normal(h): h for h in table.headings}
    columns = {k: next((by_normal[n] for n in names if n in by_normal), None) for k, names in _COLUMNS.items()}
    missing = [k for k in ("submission", "device", "company") if columns[k] is None]
    if missing:
        raise UnreadableList(name, f"it has no column of the {missing[0]}", "give the FDA's list as it is downloaded")
    found: dict[str, Device] = {}
    for row in table.rows:
        told = {k: row.cells.get(c or "", "") for k, c in columns.items()}
        number = submission_of(told["submission"])
        if number is not None and told["device"]:
            day = read_day(told["decided_on"])
            found.setdefault(
                number, Device(number, told["device"], told["company"], day.day if day else None, told["panel"])
            )
    return list(found.values())


class DeviceList:
    """A list ready to be searched.

    Args:
        devices: What stands on it.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        self._by_number = {device.submission: device for device in devices}
        self._by_token: dict[str, list[Device]] = defaultdict(list)
        self._device_words = {d.submission: words_of(d.device) for d in devices}
        self._company_words = {d.submission: words_of(vendor_key(d.company)) for d in devices}
        self._rarity = Rarity()
        for device in devices:
            words = self._device_words[device.submission] | self._company_words[device.submission]
            self._rarity.add(words)
            for word in words:
                self._by_token[word].append(device)

    def matches(self, product: Candidate) -> list[Match]:
        """Devices that may be a product, the best first: one by its number, else a few by names."""
        if product.submission is not None:
            device = self._by_number.get(product.submission)
            # a number that is not on the list matches nothing: a likely name would contradict what is known
            return (
                [Match(product.id, device, 1.0, (f"{BY_NUMBER} {device.submission}",), by_number=True)]
                if device
                else []
            )
        scored = [m for m in (self._score(product, d) for d in self._near(product)) if m is not None]
        scored.sort(key=lambda m: (-m.score, m.device.submission))
        return _with_ties(scored[:_MOST], scored)

    def _near(self, product: Candidate) -> Iterable[Device]:
        words = words_of(product.name) | words_of(vendor_key(product.vendor or ""))
        near: dict[str, Device] = {}
        for word in words:
            devices = self._by_token.get(word, ())
            if len(devices) <= max(150, len(self._by_number) // 8):  # "medical" leads to half the list
                near |= {d.submission: d for d in devices}
        return near.values()

    def _score(self, product: Candidate, device: Device) -> Match | None:
        named = self._rarity.alike(words_of(product.name), self._device_words[device.submission])
        company = self._rarity.alike(words_of(vendor_key(product.vendor or "")), self._company_words[device.submission])
        reasons = []
        if product.vendor:
            score = 0.6 * named + 0.4 * company
            reasons.append(f"vendor and company are alike by {company:.2f}")
        else:
            score = 0.75 * named  # a name alone proves little
            reasons.append("no vendor is known")
        reasons.insert(0, f"names are alike by {named:.2f}")
        if named == 0 or (product.vendor and company == 0 and named < 0.9):
            return None
        panel = _panel_fits(product.words, device.panel)
        if panel:
            score = min(0.99, score + 0.03)
            reasons.append(f"it speaks of {panel}, and the panel is {device.panel}")
        return Match(product.id, device, round(min(score, 0.99), 3), tuple(reasons)) if score >= _LEAST else None


def _with_ties(best: Sequence[Match], every: Sequence[Match]) -> list[Match]:
    """Say where several devices fit as well as the best one."""
    if not best:
        return []
    tied = sum(1 for match in every if best[0].score - match.score <= _AS_GOOD)
    if tied == 1:
        return list(best)
    said = f"{tied} devices fit as well: a person must tell which"
    return [
        Match(m.product, m.device, m.score, (*m.reasons, said)) if best[0].score - m.score <= _AS_GOOD else m
        for m in best
    ]


def _panel_fits(words: str, panel: str) -> str | None:
    plain = f" {normal(words)} "
    return next((w for w in _PANEL_WORDS.get(normal(panel), ()) if re.search(rf" {w}", plain)), None)
