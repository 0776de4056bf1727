"""Certain things must be documented: a metric, command, flag, setting, policy key or error without its place fails."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pydantic import BaseModel

from codman.cli.main import TOPICS
from codman.settings import Settings
from codman.spine.vocabulary import WORDS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
MEASURED = sorted(name for name, word in WORDS.items() if word.family not in ("drift", "quality"))
SAID = ("**Formula.**", "**Interval.**", "**Source.**", "**Not for.**")

sys.path.insert(0, str(ROOT / "build_support"))
import reference  # noqa: E402 (the writer of the generated pages stands outside the package)


def _sections() -> dict[str, str]:
    """Metric name to the section of docs/metrics/ whose heading names it."""
    found: dict[str, str] = {}
    for page in sorted((DOCS / "metrics").glob("*.md")):
        for section in re.split(r"^## ", page.read_text(), flags=re.MULTILINE)[1:]:
            heading = section.splitlines()[0]
            found |= dict.fromkeys(re.findall(r"`([a-z0-9_]+)`", heading), section)
    return found


@pytest.mark.parametrize("metric", MEASURED)
def test_a_metric_has_its_formula_its_interval_its_source_and_when_not_to_use_it(metric):
    section = _sections().get(metric, "")

    assert section, f"no heading in docs/metrics/ names `{metric}`"
    assert [said for said in SAID if said not in section] == []


def test_drift_and_quality_words_stand_in_their_tables():
    tables = (DOCS / "metrics" / "drift.md").read_text() + (DOCS / "metrics" / "quality.md").read_text()
    rows = set(re.findall(r"^\| `([a-z0-9_]+)` \|", tables, flags=re.MULTILINE))

    assert {name for name, word in WORDS.items() if word.family in ("drift", "quality")} - rows == set()


def test_no_page_explains_a_metric_that_is_not_in_the_vocabulary():
    assert {name for name in _sections() if name not in WORDS} == set()


@pytest.mark.parametrize("page", ["commands.md", "errors.md"])
def test_generated_pages_are_what_the_code_says_today(page):
    written = (DOCS / page).read_text().split(reference.MARKER)[1]

    assert written == reference.pages()[page], f"docs/{page} is behind the code: run `make reference`"


def test_every_file_says_in_its_first_line_what_it_is_for_and_stands_in_the_tree():
    now = re.findall(r"^(?:## (`\S+`)|- (`\S+`) — (.*))$", reference.tree_page(), flags=re.MULTILINE)
    page = (DOCS / "tree.md").read_text()

    assert [file for _, file, said in now if file and not said] == []
    assert [name for folder, file, _ in now if (name := folder or file) not in page] == [], "run `make reference`"


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_a_command_and_each_of_its_flags_stands_on_the_commands_page(topic):
    page = (DOCS / "commands.md").read_text()
    mine = [(name, command) for name, command in reference.commands() if name.split()[1] == topic]

    assert mine, f"codman {topic} is listed in cli/main.py and its file is not there"
    for name, command in mine:
        section = page.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
        assert section, name
        flags = {flag for p in command.params for flag in p.opts if flag.startswith("-")} - reference.HIDDEN
        assert {flag for flag in flags if f"`{flag}`" not in section} == set()
        assert command.help, f"`{name}` does not say what it does"
        assert [p.name for p in command.params if not getattr(p, "help", None) and p.name != "help"] == []


@pytest.mark.parametrize("error", sorted(reference.error_classes()))
def test_an_error_has_its_heading_and_says_what_it_means(error):
    page = (DOCS / "errors.md").read_text()

    assert f"## `{error}`\n" in page
    assert page.partition(f"## `{error}`\n")[2].strip().splitlines()[0].strip()


def test_a_changing_part_of_an_advice_is_one_plain_word():
    advice = re.findall(r"^\*\*What to do\*\*: (.*)$", (DOCS / "errors.md").read_text(), flags=re.MULTILINE)

    assert advice
    assert [line for line in advice if re.search(r"[A-Z]{2,}[\[(]|[)\]]{2}", line)] == []


def test_an_environment_variable_the_code_reads_stands_on_the_settings_page():
    read = set()
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        read |= set(
            re.findall(r"(?:environ(?:\.get)?[\[(]|getenv\(|envvar=)\s*[\"'](CODMAN_[A-Z_]+)", path.read_text())
        )

    assert {name for name in read if f"`{name}`" not in (DOCS / "settings.md").read_text()} == set()


def test_each_setting_of_the_server_stands_on_the_settings_page():
    page = (DOCS / "settings.md").read_text()

    assert [name for name in Settings.model_fields if f"| `CODMAN_{name.upper()}` |" not in page] == []


def test_a_setting_on_its_page_is_read_somewhere():
    told = set(re.findall(r"^\| `(CODMAN_[A-Z_]+)`", (DOCS / "settings.md").read_text(), flags=re.MULTILINE))
    told -= {f"CODMAN_{name.upper()}" for name in Settings.model_fields}
    code = "".join(p.read_text() for p in [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])

    assert {name for name in told if name not in code} == set()


def test_a_policy_key_stands_on_a_page_about_policies():
    models = vars(importlib.import_module("codman.spine.policy")).values()
    keys = {
        field.alias or name
        for model in models
        if isinstance(model, type) and issubclass(model, BaseModel) and model.__module__ == "codman.spine.policy"
        for name, field in model.model_fields.items()
    }
    told = "".join(page.read_text() for page in DOCS.rglob("*polic*.md"))

    assert {key for key in keys if not re.search(rf"\b{key}\b", told)} == set()


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]

    assert [target for target in local if not (page.parent / target).exists()] == []


class _Fetched(HTMLParser):
    """What a browser would fetch to show the page; not where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed"):
            self.urls.append(at.get("src") or "")
        if tag == "link" and at.get("rel") in ("stylesheet", "preload", "preconnect", "icon", "dns-prefetch"):
            self.urls.append(at.get("href") or "")


def test_the_built_site_fetches_nothing_from_another_host(tmp_path):
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr

    fetched = _Fetched()
    for page in (tmp_path / "site").rglob("*.html"):
        fetched.feed(page.read_text())
    styles = "".join(p.read_text() for p in (tmp_path / "site").rglob("*.css"))

    assert fetched.urls
    assert [url for url in fetched.urls if re.match(r"(https?:)?//", url)] == []
    assert re.findall(r"url\([\"']?https?:|@import", styles) == []
    formulas = (tmp_path / "site" / "metrics" / "discrimination.html").read_text()
    assert "<math" in formulas
    assert "\\(" not in formulas


def _blocks(page: Path) -> list[tuple[str, str, str]]:
    """Language, title and text of each fenced block."""
    return re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', page.read_text(), flags=re.DOTALL | re.MULTILINE)


def test_the_tutorial_runs_and_says_what_it_is_written_to_say(tmp_path):
    shutil.copy(DOCS / "tutorial_data.py", tmp_path)
    on_path = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    ran, answer = 0, ""

    for language, title, block in _blocks(DOCS / "tutorial.md"):
        if title:
            (tmp_path / title).write_text(block)
        elif language == "text":
            said = " ".join(answer.split())  # where lines break depends on the terminal
            assert [line for line in block.splitlines() if " ".join(line.split()) not in said] == []
        elif language == "console":
            answer = ""
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                command, _, promised = line.removeprefix("$ ").partition("  # exit ")
                words = shlex.split(command)
                assert words[0] in ("python", "codman"), command
                done = subprocess.run(words, cwd=tmp_path, env=on_path, capture_output=True, text=True, check=False)
                assert done.returncode == int(promised or 0), f"{command}\n{done.stdout[-500:]}\n{done.stderr[-2000:]}"
                answer += done.stdout + done.stderr
                ran += 1

    assert ran >= 8


def test_the_readmes_python_runs(tmp_path):
    subprocess.run([sys.executable, str(DOCS / "tutorial_data.py")], cwd=tmp_path, check=True)
    (block,) = [text for language, _, text in _blocks(ROOT / "README.md") if language == "python"]
    code = "import polars\nframe = polars.read_csv('patients.csv')\n" + block

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-1000:]
    assert "AUROC 0.7" in done.stdout
