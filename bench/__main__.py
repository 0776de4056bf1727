"""All benchmarks in turn: beside peers, the whole process, growth. A quarter of an hour on two quiet cores."""

import subprocess
import sys

# each in a process of its own: a child's peak memory counts what its parent held when it was started
for topic in ("evaluate", "process", "growth"):
    subprocess.run([sys.executable, "-m", f"bench.{topic}"], check=True)
