"""A real Spark in this process, one session a run; without Java its tests are skipped, in CI they fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from codman.compute.spark import OnSpark


@pytest.fixture(scope="session")
def spark() -> Iterator[OnSpark]:
    there = shutil.which("java") is not None or "JAVA_HOME" in os.environ
    if not os.environ.get("CI"):
        pytest.importorskip("pyspark", reason="extra `spark` is not installed")
        if not there:
            pytest.skip("no Java here, which Spark runs on")
    # a session of a minute is not worth the compiler's second thoughts
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        on = OnSpark()
    yield on
    on.session.stop()
