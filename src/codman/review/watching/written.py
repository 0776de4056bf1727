"""A plan as YAML, both ways. Its requirements are written as a policy's are, each with `watch:` beside its limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from codman.review.policy.load import AS_TEXT, as_model, policy_of
from codman.review.policy.plain import plain_requirement
from codman.review.policy.written import BadPolicy, Written, first_of, parse, read
from codman.spine.monitor_plan import MonitorPlan, Watch, Watched
from codman.spine.policy import Checkpoint

_TEXT: Final = AS_TEXT | {"plan", "product", "use", "partner", "responsible", "accountable", "starts_on", "format"}
_TEXT_DAYS: Final = frozenset({"start", "end", "due_on", "digest"})
_KEYS: Final = tuple(name for name in MonitorPlan.model_fields if name != "file")
_SHORT: Final = {
    "plan": "name the plan, like plan: sepsis-early-warning",
    "edition": "say which, like edition: 2026-11",
}


def load_plan(path: Path | str) -> MonitorPlan:
    """Read a monitoring plan, or a partner's part of one.

    Raises:
        BadPolicy: It cannot be read as one; the message names the line.
    """
    return _plan_of(read(Path(path), as_text=_TEXT | _TEXT_DAYS))


def plan_of_bytes(data: bytes, name: str) -> MonitorPlan:
    """The same from bytes in memory; `name` is what errors call them."""
    return _plan_of(parse(data, name, as_text=_TEXT | _TEXT_DAYS))


def written_out(plan: MonitorPlan) -> str:
    """The plan as YAML that `load_plan` reads back as the same plan."""
    head = plan.model_dump(mode="json", exclude={"requires", "file"}, exclude_defaults=True)
    top = {"plan": plan.plan, "edition": plan.edition, **head}
    top["requires"] = [_requirement(one) for one in plan.requires]
    text: str = yaml.safe_dump(top, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return text


def is_plan(value: Any) -> bool:
    """Whether a YAML file's values are a plan and not a policy."""
    return isinstance(value, Mapping) and "plan" in value and "requires" in value


def _plan_of(written: Written) -> MonitorPlan:
    top = written.value
    if not isinstance(top, Mapping):
        raise written.refuse((), "it is not a plan: there are no keys", "make one: codman monitor plan --policy FILE")
    faults = [written.unknown((key,), _KEYS) for key in top if key not in _KEYS]
    faults += [
        written.refuse((key,) if key in top else (), f"{key!r} is missing", fix)
        for key, fix in _SHORT.items()
        if top.get(key) is None
    ]
    listed = top.get("requires")
    items = listed if isinstance(listed, list) else []
    policy = None
    try:  # what it demands is read as a policy is, line by line
        plain = {"policy": top.get("plan") or "plan", "edition": top.get("edition") or "-", "requires": listed}
        bare = [_without_watch(item) for item in items] if items else listed
        policy = policy_of(
            Written(
                written.path,
                {**plain, "checkpoint": Checkpoint.MONITORING.value, "requires": bare},
                written.lines,
                written.text,
            )
        )
    except BadPolicy as error:
        faults += error.faults
    watches: list[Watch] = []
    for i, item in enumerate(items):
        said = item.get("watch") if isinstance(item, Mapping) else None
        try:
            watches.append(as_model(Watch, {} if said is None else _single(said), ("requires", i, "watch"), written))
        except BadPolicy as error:
            faults += error.faults
    if faults or policy is None:
        raise first_of(sorted(faults, key=lambda fault: fault.line or 0))
    fields = {key: value for key, value in top.items() if value is not None}
    fields["requires"] = [
        Watched(requirement=one, watch=watch) for one, watch in zip(policy.requires, watches, strict=True)
    ]
    plan: MonitorPlan = as_model(MonitorPlan, {**fields, "file": written.path}, (), written)
    return plan


def _without_watch(item: Any) -> Any:
    return {key: value for key, value in item.items() if key != "watch"} if isinstance(item, Mapping) else item


def _single(said: Any) -> Any:
    """`actions: signal` is `actions: [signal]`."""
    if isinstance(said, Mapping) and isinstance(said.get("actions"), str):
        return {**said, "actions": [said["actions"]]}
    return said


def _requirement(one: Watched) -> dict[str, Any]:
    watch = one.watch.model_dump(mode="json", exclude_none=True, exclude=None if one.watch.due else {"due"})
    return {**plain_requirement(one.requirement), "watch": watch}
