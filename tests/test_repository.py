"""The house's own rules: floors name every room, the core is light, the install files are true."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from functools import cache
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import codman

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "codman"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = {p.name for p in SOURCE.iterdir() if (p / "__init__.py").exists()}
GOVERNANCE, ENGINES = {"registry", "review", "portfolio"}, {"data", "evaluate", "monitor", "simulate", "detect", "lab"}

# What must not be needed by evaluate, compare, evidence and gate: every extra, and the libraries the tests compare with
NOT_CORE = [
    "jinja2",
    "typst",
    "vl_convert",
    "deltalake",
    "fastapi",
    "uvicorn",
    "sqlalchemy",
    "httpx",
    "pydicom",
    "hl7",
    "pyspark",
    "torch",
    "mlflow",
    "pandas",
    "scipy",
    "sklearn",
    "sksurv",
    "lifelines",
    "statsmodels",
    "fairlearn",
    "dcurves",
    "securesystemslib",
    "numba",
    "matplotlib",
]

# Runs the command line with all of them out of reach, as on a machine with the core only
CORE_ONLY = f"""
import sys
from importlib.machinery import PathFinder
class CoreOnly(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in {NOT_CORE!r} else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = CoreOnly
from codman.cli.main import main
main()
"""


def _contract(name: str) -> dict[str, list[str]]:
    return next(c for c in PYPROJECT["tool"]["importlinter"]["contracts"] if c["name"] == name)


def _core(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CORE_ONLY, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def test_the_floors_name_every_room_and_brackets_stand_only_around_rooms_not_built():
    floors = " | ".join(_contract("Floors: arrows only go down")["layers"])
    bracketed = set(re.findall(r"\((\w+)\)", floors))
    plain = set(re.findall(r"\w+", floors)) - bracketed
    here = ROOMS | {p.stem for p in SOURCE.glob("*.py") if p.stem != "__init__"}

    assert here - plain == set(), "take these out of their brackets"
    assert plain - here == set(), "put these in brackets until they are built"


def test_each_wing_forbids_the_whole_of_the_other():
    for name, mine, theirs in (
        ("Governance never imports an engine", GOVERNANCE, ENGINES),
        ("No engine imports governance", ENGINES, GOVERNANCE),
    ):
        contract = _contract(name)
        assert {m.removeprefix("codman.") for m in contract["source_modules"]} == mine & ROOMS
        assert {m.removeprefix("codman.") for m in contract["forbidden_modules"]} == theirs & ROOMS


def test_torch_is_forbidden_to_every_room_but_lab():
    contract = _contract("torch only in lab")

    assert {m.removeprefix("codman.") for m in contract["source_modules"]} == ROOMS - {"lab"}


def test_no_file_is_over_400_lines_and_no_name_explains_nothing():
    files = [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.[ch]")]
    files = [p for p in files if p.parent.name != "versions"]  # a migration step is written by a program, once

    assert [str(p.relative_to(ROOT)) for p in files if len(p.read_text().splitlines()) > 400] == []
    assert [
        p.name for p in files if p.stem.strip("_") in ("utils", "util", "helpers", "common", "misc", "manager")
    ] == []


def test_every_room_has_a_signpost():
    assert [room for room in sorted(ROOMS) if not (SOURCE / room / "__init__.py").read_text().startswith('"""')] == []


def test_imports_of_codman_inside_functions_stand_only_in_the_command_line_and_where_adapters_are_picked():
    inside = re.compile(r"^[ \t]+(from codman|import codman)", re.MULTILINE)
    lazy = ("cli", "wiring.py")
    files = [p for p in SOURCE.rglob("*.py") if p.relative_to(SOURCE).parts[0] not in lazy]

    assert [str(p.relative_to(ROOT)) for p in files if inside.search(p.read_text())] == []


def test_the_version_is_written_once():
    assert codman.__version__ == PYPROJECT["project"]["version"]


def test_constraints_pin_every_declared_dependency_to_a_version_it_accepts():
    pins = {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    }
    declared = [Requirement(text) for text in requires("codman") or []]
    unpinned = {r.name for r in declared if canonicalize_name(r.name) not in {*pins, "codman", "setuptools"}}

    assert unpinned == set()
    assert [str(r) for r in declared if (pin := pins.get(canonicalize_name(r.name))) and pin not in r.specifier] == []


def _needs(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """Everything installed with a package and these extras of it, by name."""
    found, todo = set(), [(name, frozenset(extras))]
    while todo:
        package, wanted = todo.pop()
        for text in requires(package) or []:
            need = Requirement(text)
            if need.marker and not any(need.marker.evaluate({"extra": extra}) for extra in wanted | {""}):
                continue
            if canonicalize_name(need.name) not in found:
                found.add(canonicalize_name(need.name))
                todo.append((need.name, frozenset(need.extras)))
    return found - {"codman"}


def _licence(name: str) -> str:
    """What a package says in short; some put the whole text, with that of what they bundle, into one field."""
    said = metadata(name)
    classified = [line for line in said.get_all("Classifier") or [] if line.startswith("License ::")]
    return said["License-Expression"] or " ".join(classified) or (said["License"] or "").split("\n")[0]


def test_what_is_shipped_with_the_core_and_the_reports_is_permissively_licensed():
    copyleft = re.compile(r"\bA?L?GPL|General Public License", re.IGNORECASE)
    shipped = _needs("codman", frozenset({"report", "data"}))
    licences = {name: _licence(name) for name in shipped}

    assert {"numpy", "pydantic-core", "typst"} <= shipped
    assert {name: text for name, text in licences.items() if not text or copyleft.search(text)} == {}


def test_the_readme_tree_names_every_room_and_every_file_at_the_top():
    readme = (ROOT / "README.md").read_text()
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    top = {path.split("/")[0] for path in tracked}
    if not top:
        pytest.skip("not a git checkout: the list of tracked files is not known")

    assert {name for name in top | ROOMS if name not in readme} == set()


def test_nothing_heavy_is_imported_by_the_modules_themselves():
    code = (
        "import sys, codman.evaluate, codman.evidence, codman.review.policy\n"
        f"print([m for m in {[*NOT_CORE, 'pyarrow.dataset', 'scipy.stats']!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@cache
def _of_the_book(module: str) -> bool:
    """Whether a module belongs to the book of record, which the extra `web` brings."""
    parts = module.split(".")
    if parts[1] in {"registry", "api", "web", "client", "egress", "integrations", "jobs", "settings", "wiring"}:
        return True
    path = SOURCE.parent.joinpath(*parts).with_suffix(".py")
    said = re.findall(r"^from codman\.(\S+) import", path.read_text(), re.MULTILINE) if path.exists() else []
    return any(
        _of_the_book(f"codman.{name}")
        for name in said
        if name.startswith(("registry", "review", "settings", "wiring", "flows", "client", "jobs", "egress"))
    )


def test_every_module_can_be_imported_with_the_core_only():
    modules = [".".join(p.relative_to(SOURCE.parent).with_suffix("").parts) for p in SOURCE.rglob("*.py")]
    modules = [m for m in modules if not _of_the_book(m)]
    # what gating needs of review and flows stays with the core, and the list of what is left out hides none of it
    assert {"codman.review.policy.judge", "codman.review.packs.catalog", "codman.flows.gate"} <= set(modules)
    code = CORE_ONLY.replace(
        "from codman.cli.main import main\nmain()",
        "import importlib\nfor m in sys.argv[1:]: importlib.import_module(m)",
    )
    done = subprocess.run([sys.executable, "-c", code, *sorted(modules)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-1500:]


def test_the_core_alone_evaluates_compares_signs_verifies_gates_and_reproduces(tmp_path):
    subprocess.run([sys.executable, str(ROOT / "docs" / "tutorial_data.py")], cwd=tmp_path, check=True)
    (tmp_path / "policy.yaml").write_text(
        "policy: p\nedition: 2026-11\ncheckpoint: validation\nrequires:\n"
        "  - id: r\n    title: t\n    evidence: evaluation\n    measurement: {metric: auroc, at_least: 0.6}\n"
    )
    columns = ["--label", "died", "--subject", "patient_id"]
    evaluated = ["--score", "risk", "--threshold", "0.2", "--by", "sex", "--product", "p", "--version", "1"]
    for arguments in (
        ["evidence", "keygen", "--out", "mine"],
        ["evaluate", "patients.csv", *columns, *evaluated, "--out", "evaluation.json"],
        ["evidence", "sign", "evaluation.json", "--key", "mine.key", "--out", "signed.json"],
        ["evidence", "verify", "signed.json", "--key", "mine.pub"],
        ["gate", "--policy", "policy.yaml", "signed.json", "--key", "mine.pub"],
        ["policy", "check", "policy.yaml"],
        ["policy", "packs"],
        ["reproduce", "signed.json"],
        [
            "compare",
            "patients.csv",
            "challenger.csv",
            "--id",
            "row",
            *columns,
            "--score",
            "risk",
            "--out",
            "comparison.json",
        ],
    ):
        done = _core(*arguments, cwd=tmp_path)
        assert done.returncode == 0, f"{arguments}\n{done.stderr[-1500:]}"

    report = _core("report", "evaluation.json", "--out", "report.pdf", cwd=tmp_path)
    assert report.returncode == 2
    assert "pip install 'codman[report]'" in report.stderr
    assert not (tmp_path / "report.pdf").exists()


def test_help_answers_before_anyone_notices():
    def once() -> float:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", "from codman.cli.main import main; main()", "--help"],
            capture_output=True,
            check=True,
        )
        return time.perf_counter() - started

    assert min(once() for _ in range(5)) < 0.25


def test_no_two_files_of_tests_share_a_name_or_one_of_them_is_never_collected():
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, files in names.items() if files > 1] == []
    said = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    assert not any(re.search(r"^(from|import) conftest\b", text, re.MULTILINE) for text in said)
