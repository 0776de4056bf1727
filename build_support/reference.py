"""Writes the generated parts of docs/commands.md, errors.md and tree.md from the code: `make reference`.

Everything above the marker is written by hand and kept. tests/test_docs.py fails when a page is behind the code.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from typer.main import get_command, get_group

from codman.cli.main import TOPICS
from codman.errors import CodmanError

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "codman"
MARKER = "<!-- Below: written by `make reference` from the code. Edit the docstrings and help texts there. -->\n"
HIDDEN = {"--help", "--install-completion", "--show-completion"}


def main() -> int:
    """Write both pages."""
    for name, text in pages().items():
        path = ROOT / "docs" / name
        by_hand = path.read_text().split(MARKER)[0] if path.exists() else f"# {path.stem.title()}\n\n"
        path.write_text(by_hand + MARKER + text)
    return 0


def pages() -> dict[str, str]:
    """File name in docs/ to the text that belongs below the marker."""
    return {"commands.md": commands_page(), "errors.md": errors_page(), "tree.md": tree_page()}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that is built, by its full name: `codman evidence sign`."""
    for name, topic in TOPICS.items():
        if not (SOURCE.parent / (topic.module.replace(".", "/") + ".py")).exists():
            continue
        app = importlib.import_module(topic.module).app
        alone = len(app.registered_commands) == 1 and not app.registered_groups and app.registered_callback is None
        top: Any = get_command(app) if alone else get_group(app)
        yield from _under(f"codman {name}", top)


def _under(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if not inner:
        yield name, command
        return
    for word, each in inner.items():
        yield from _under(f"{name} {word}", each)


def commands_page() -> str:
    """A section for each command: usage, what it does, its arguments and flags."""
    return "\n".join(_command_section(name, command) for name, command in commands())


def _command_section(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not HIDDEN & set(p.opts) and not p.hidden]
    usage = " ".join([name, *(_shape(a) for a in arguments), *(["[OPTIONS]"] if options else [])])
    lines = [f"\n## `{name}`\n", f"{_prose(command.help)}\n", f"```text\n{usage}\n```\n"]
    told = [(f"`{_shape(a)}`", _cell(a.help)) for a in arguments if getattr(a, "help", None)]
    told += [
        (", ".join(f"`{o}`" for o in [*p.opts, *p.secondary_opts]) + _value(p), _cell(p.help) + _default(p))
        for p in options
    ]
    if told:
        lines += ["| argument or flag | meaning |\n| --- | --- |"]
        lines += [f"| {left} | {right} |" for left, right in told]
    return "\n".join(lines) + "\n"


def _shape(argument: Any) -> str:
    word = (argument.metavar or argument.name or "").upper().strip("[]")
    many = "…" if argument.nargs == -1 and not word.endswith(("…", "...")) else ""
    return f"{word}{many}" if argument.required else f"[{word}{many}]"


def _value(option: Any) -> str:
    if option.is_flag:
        return ""
    kinds = [k for k in _inner(option.type_descriptor.annotation) if k is not type(None)]
    kind = kinds[0] if kinds else str
    choices = [str(c.value) for c in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []
    word = (
        (option.metavar or "").replace("|", r"\|")
        or r"\|".join(choices)
        or {int: "N", float: "X", Path: "PATH"}.get(kind, "TEXT")
    )
    return f" {word}" + ("…" if option.multiple and not word.endswith("…") else "")


def _inner(kind: Any) -> list[Any]:
    inner = [k for k in get_args(kind) if not isinstance(k, str)]
    return [deep for k in inner for deep in _inner(k)] if inner else [kind]


def _default(option: Any) -> str:
    value = option.default
    if option.required:
        return " (required)"
    if value is None or callable(value) or value in ((), [], "", False) or type(value).__name__ == "Sentinel":
        return ""
    said = "on" if value is True else getattr(value, "value", value)
    return f" (default {said})"


def _prose(text: str | None) -> str:
    return inspect.cleandoc(text or "").split("\f")[0].strip()


def _cell(text: str | None) -> str:
    return re.sub(r"\s+", " ", _prose(text)).replace("|", r"\|")


def error_classes() -> dict[str, tuple[ast.ClassDef, str, int]]:
    """Every subclass of CodmanError in the source: its definition, module and exit code."""
    found: dict[str, tuple[ast.ClassDef, str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        module = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, (node, module))
    codes: dict[str, int] = {"CodmanError": CodmanError.exit_code}
    answer: dict[str, tuple[ast.ClassDef, str, int]] = {}

    def code(name: str, seen: tuple[str, ...] = ()) -> int | None:
        if name in codes:
            return codes[name]
        if name not in found or name in seen:
            return None
        bases = [b.id if isinstance(b, ast.Name) else getattr(b, "attr", "") for b in found[name][0].bases]
        inherited = next((c for b in bases if (c := code(b, (*seen, name))) is not None), None)
        if inherited is None:
            return None
        own = [
            s.value.value
            for s in found[name][0].body
            if isinstance(s, ast.Assign | ast.AnnAssign)
            and isinstance(s.value, ast.Constant)
            and "exit_code" in ast.unparse(s).split("=")[0]
        ]
        codes[name] = int(own[0]) if own else inherited  # type: ignore[arg-type]
        return codes[name]

    for name, (node, module) in found.items():
        exit_code = code(name)
        if exit_code is not None:
            answer[name] = (node, module, exit_code)
    return answer


def errors_page() -> str:
    """A section for each error class, by exit code."""
    lines: list[str] = []
    ordered = sorted(error_classes().items(), key=lambda item: (item[1][1], item[0]))
    for name, (node, module, exit_code) in ordered:
        meaning = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ")
        lines.append(f"\n## `{name}`\n\n{meaning}\n\nExit {exit_code}. Raised in `{module}`.")
        if fixes := _fixes(node):
            lines.append("\n**What to do**: " + "; or ".join(fixes) + ".")
    return "\n".join(lines) + "\n"


def tree_page() -> str:
    """Every source file with the first line of its docstring, room by room."""
    lines: list[str] = []
    for folder in sorted({path.parent for path in SOURCE.rglob("*.py")}):
        name = folder.relative_to(SOURCE.parent)
        lines.append(f"\n## `{name}/`\n\n{_first_line(folder / '__init__.py')}\n")
        files = sorted(
            path for path in folder.iterdir() if path.suffix in (".py", ".c", ".h") and path.name != "__init__.py"
        )
        lines += [f"- `{path.name}` — {_first_line(path)}" for path in files]
    return "\n".join(lines) + "\n"


def _first_line(path: Path) -> str:
    if not path.exists():
        return ""
    text = path.read_text()
    if path.suffix == ".py":
        said = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
    else:
        comment = re.match(r"\s*/\*+(.*?)\*/|\s*((?://[^\n]*\n)+)", text, re.DOTALL)
        said = re.sub(r"^\s*(?:\*|//)", "", comment[1] or comment[2], flags=re.MULTILINE) if comment else ""
        said = said.strip().split("\n\n")[0]
    return re.sub(r"\s+", " ", said).strip()


def _fixes(node: ast.ClassDef) -> list[str]:
    """The advice in the class's own constructor, its changing parts in capitals."""
    found = []
    for call in ast.walk(node):
        if isinstance(call, ast.keyword) and call.arg == "fix":
            for value in [call.value.body, call.value.orelse] if isinstance(call.value, ast.IfExp) else [call.value]:
                if text := _words(value):
                    found.append(text)
    return list(dict.fromkeys(found))


def _words(value: ast.expr) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    if isinstance(value, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else _placeholder(part.value)
            for part in value.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    if isinstance(value, ast.Call) and getattr(value.func, "id", "").lstrip("_").startswith("nearest"):
        return "take one of the names the message suggests"
    return ""


def _placeholder(value: ast.expr) -> str:
    """A changing part as one word in capitals: the name it is told by, whatever is done to it on the way."""
    while not isinstance(value, ast.Name | ast.Attribute):
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func  # `name.lower()` is told by `name`
        within = ast.iter_child_nodes(value)
        value = next((part for part in within if isinstance(part, ast.expr)), ast.Name("…"))
    return (value.id if isinstance(value, ast.Name) else value.attr).strip("_").upper()


if __name__ == "__main__":
    sys.exit(main())
