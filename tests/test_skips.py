"""What may be skipped where: anything on somebody's machine, next to nothing in CI."""

from __future__ import annotations

import pytest

from skips import in_ci_it_fails


def skipped(why: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="a test", location=("file", 1, "a test"), keywords={}, when="call", outcome="skipped",
        longrepr=("file", 1, f"Skipped: {why}"),
    )  # fmt: skip


def test_a_test_that_lacks_what_can_be_installed_fails_in_ci_and_says_what():
    report = in_ci_it_fails(skipped("no Chromium on this machine"))

    assert report.failed
    assert report.longrepr == "nothing is skipped in CI: Skipped: no Chromium on this machine"


@pytest.mark.parametrize("why", ["no real data here", "`make soak` loads it whole", "not a git checkout: no history"])
def test_what_nobody_can_install_is_skipped_there_too(why):
    assert in_ci_it_fails(skipped(why)).skipped
