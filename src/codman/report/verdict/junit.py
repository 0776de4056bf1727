"""A verdict as a JUnit report: each requirement a test case. Valid against the Ant JUnit schema (Windy Road, 2011)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from codman.report.verdict.words import WORDS, headline, trust
from codman.spine.verdict import Outcome, Result, Verdict

_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdict: Verdict) -> str:
    """The verdict as XML text.

    Not met is a failure; what cannot be decided is an error, because it stops the checkpoint too; what only warns or
    does not apply is skipped, with its sentence.
    """
    results = verdict.results
    failures = sum(r.blocks and r.outcome is Outcome.NOT_MET for r in results)
    skipped = sum(_skips(r) for r in results)
    errors = sum(r.outcome is not Outcome.MET for r in results) - failures - skipped
    name = _clean(f"{verdict.policy} {verdict.edition}")
    root = Element("testsuites")
    suite = SubElement(
        root,
        "testsuite",
        id="0",
        name=name,
        package=_clean(verdict.policy),
        # the schema has no room for a zone: this is UTC
        timestamp=datetime.fromisoformat(verdict.judged_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        hostname="codman",
        tests=str(len(results)),
        failures=str(failures),
        errors=str(errors),
        skipped=str(skipped),
        time="0",
    )
    properties = SubElement(suite, "properties")
    said = {
        "checkpoint": verdict.checkpoint.value,
        "outcome": verdict.outcome.value,
        "verified": str(verdict.verified).lower(),
        "product": verdict.product,
        "version": verdict.version,
        "use": verdict.use,
    }
    for key, value in said.items():
        if value:
            SubElement(properties, "property", name=key, value=_clean(value))
    for r in results:
        _case(suite, r, name)
    SubElement(suite, "system-out").text = _clean("\n".join([headline(verdict), trust(verdict), *verdict.notes]))
    SubElement(suite, "system-err").text = ""
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(suite: Element, r: Result, classname: str) -> None:
    case = SubElement(suite, "testcase", name=_clean(f"{r.id}: {r.title}"), classname=classname, time="0")
    if r.outcome is Outcome.MET:
        return
    message = _clean(f"{WORDS[r.outcome]}: {r.sentence}")
    if _skips(r):
        SubElement(case, "skipped", message=message)
        return
    tag = "failure" if r.outcome is Outcome.NOT_MET else "error"
    SubElement(case, tag, message=message, type=r.outcome.value).text = _clean(
        "\n".join([r.sentence, *([f"evidence {r.evidence}"] if r.evidence else []), *r.controls])
    )


def _skips(r: Result) -> bool:
    return r.outcome is not Outcome.MET and (not r.blocks or r.outcome is Outcome.NOT_APPLICABLE)


def _clean(said: str) -> str:
    # XML 1.0 has no way to write most control characters, not even escaped
    return _UNWRITABLE.sub("�", said)
