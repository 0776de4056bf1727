"""One pack: for one kind of AI, a whole policy for each checkpoint, with where its demands come from."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from textwrap import dedent
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import Field

from codman.review.packs.dated import Dated, Strict, made
from codman.review.policy.load import AS_TEXT, policy_of, policy_of_bytes
from codman.review.policy.plain import plain
from codman.review.policy.written import BadPolicy, Written, first_of, parse
from codman.spine.policy import Checkpoint, Name, Policy

Technique = Literal["predictive", "generative", "foundation"]

PACK_TEXT: Final = AS_TEXT | {"pack", "source", "valid_from", "valid_to"}
_POLICIES: Final = "checkpoints"


class Counts(Strict):
    """How many there are, written by hand: a line lost in an edit is found when the pack is read."""

    policies: Annotated[int, Field(strict=True, ge=1)]
    requirements: Annotated[int, Field(strict=True, ge=1)]


class Pack(Dated):
    """The checkpoints of one kind of AI.

    Read from YAML by this file; chosen from by choose.py, shown by the doors.
    """

    pack: Name
    title: Name
    technique: Technique = Field(description="What the AI does: foretells, writes, or is built upon")
    counts: Counts
    checkpoints: tuple[Policy, ...] = Field(min_length=1, description="Whole policies; several at one checkpoint")
    own: bool = Field(default=False, description="The hospital's, not one that came with Codman")
    file: str = Field(default="", exclude=True, repr=False)
    excerpts: dict[str, str] = Field(default_factory=dict, exclude=True, repr=False)  # each policy as it was written

    @property
    def name(self) -> str:
        """Name and edition."""
        return f"{self.pack} {self.edition}"

    def policy(self, name: str) -> Policy | None:
        """Its policy of that name; None where it has none."""
        return next((policy for policy in self.checkpoints if policy.policy == name), None)

    def policy_file(self, policy: Policy) -> str:
        """One of its policies as a file of its own, with the pack's comments; `codman gate` takes it."""
        text = self.excerpts.get(policy.policy, "")
        with suppress(BadPolicy):
            if policy_of_bytes(text.encode(), self.file).model_dump() == policy.model_dump():
                return text
        # written in a style that cannot be cut out, such as within brackets: the same, in our own style
        return yaml.safe_dump(plain(policy), sort_keys=False, allow_unicode=True, width=120)

    def at(self, checkpoint: Checkpoint) -> tuple[Policy, ...]:
        """Its policies for one checkpoint."""
        return tuple(policy for policy in self.checkpoints if policy.checkpoint is checkpoint)


def pack_of_bytes(data: bytes, name: str, *, own: bool = False) -> Pack:
    """A pack from its file's bytes; `name` is what errors call them.

    Raises:
        BadPolicy: It cannot be read, one of its policies cannot be used, or its counts are not what it holds.
    """
    return pack_of(parse(data, name, as_text=PACK_TEXT), own=own)


def is_pack(written: Written) -> bool:
    """Whether a file that was read is a pack and not one policy."""
    return isinstance(written.value, Mapping) and "pack" in written.value


def pack_of(written: Written, *, own: bool = False) -> Pack:
    """The same from values that were read already."""
    top = written.value
    if not isinstance(top, Mapping):
        raise written.refuse((), "it is not a pack: there are no keys", "write at least: pack, edition, checkpoints")
    fields: dict[str, Any] = {key: value for key, value in top.items() if key != _POLICIES}
    ours = {"own", "file", "excerpts"}
    if ours & fields.keys():
        raise written.unknown((min(ours & fields.keys()),), [name for name in Pack.model_fields if name not in ours])
    policies = _policies(written)
    excerpts = {policy.policy: _excerpt(written, i) for i, policy in enumerate(policies)}
    fields |= {_POLICIES: policies, "own": own, "file": written.path, "excerpts": excerpts}
    pack = made(Pack, fields, written)
    _as_counted(pack, written)
    return pack


def _policies(written: Written) -> tuple[Policy, ...]:
    listed = written.value.get(_POLICIES)
    if not isinstance(listed, list) or not listed:
        raise written.refuse((_POLICIES,), "'checkpoints' is not a list of policies", "list at least one whole policy")
    policies, faults = [], list[BadPolicy]()
    for i in range(len(listed)):
        try:
            policies.append(policy_of(written.part((_POLICIES, i))))
        except BadPolicy as error:
            faults += error.faults
    if faults:
        raise first_of(faults)
    seen: dict[str, int] = {}
    for i, policy in enumerate(policies):
        if policy.policy in seen:
            fix = "give each policy of a pack its own name"
            raise written.refuse((_POLICIES, i, "policy"), f"two policies are called {policy.policy!r}", fix)
        seen[policy.policy] = i
        if policy.edition != str(written.value.get("edition")):
            fix = "give a pack's policies the edition of the pack: they are released together"
            raise written.refuse((_POLICIES, i, "edition"), f"{policy.policy} is of edition {policy.edition}", fix)
    return tuple(policies)


def _excerpt(written: Written, i: int) -> str:
    lines = written.text.splitlines()
    start = written.line((_POLICIES, i))
    end = written.line((_POLICIES, i + 1)) if (_POLICIES, i + 1) in written.lines else len(lines) + 1
    cut = lines[start - 1 : end - 1]
    return dedent("\n".join([cut[0].replace("- ", "  ", 1), *cut[1:]])).strip() + "\n"


def _as_counted(pack: Pack, written: Written) -> None:
    held = {"policies": len(pack.checkpoints), "requirements": sum(len(p.requires) for p in pack.checkpoints)}
    for key, number in held.items():
        said = getattr(pack.counts, key)
        if said != number:
            fix = "look whether something was lost or doubled; else correct the count"
            raise written.refuse(("counts", key), f"{said} {key} are counted and {number} are there", fix)
