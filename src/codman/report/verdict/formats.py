"""The formats of a verdict, by the name that `--format` takes."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from codman.report.verdict.github import github
from codman.report.verdict.json_file import json_text
from codman.report.verdict.junit import junit
from codman.report.verdict.markdown import markdown
from codman.report.verdict.sarif import sarif
from codman.report.verdict.text import text
from codman.spine.verdict import Verdict


class Format(StrEnum):
    """What `codman gate` can write."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    MARKDOWN = "markdown"


WRITERS: Final[dict[Format, Callable[[Verdict], str]]] = {
    Format.TEXT: text,
    Format.JSON: json_text,
    Format.JUNIT: junit,
    Format.SARIF: sarif,
    Format.GITHUB: github,
    Format.MARKDOWN: markdown,
}
