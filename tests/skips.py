"""Skips: a machine may lack what a test needs, and the test is left out; in CI nearly all of that must be there."""

from __future__ import annotations

from typing import Final, TypeVar

import pytest

R = TypeVar("R", pytest.TestReport, pytest.CollectReport)

# what no machine installs: data that may not be handed on, the hours of a soak, the history that a tarball lacks
MAY_SKIP_IN_CI: Final = ("real data", "make soak", "not a git checkout")


def in_ci_it_fails(report: R) -> R:
    """The report of a skip as a failure, where what is missing could be installed; any other report as it is."""
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        why = report.longrepr[2]
        if not any(reason in why for reason in MAY_SKIP_IN_CI):
            report.outcome = "failed"
            report.longrepr = f"nothing is skipped in CI: {why}"
    return report
