"""`codman monitor plan` and `conform`: what is watched of a use, a partner's part of it, and whether a report fits."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codman.cli.opened import DatabaseUrl, Workspace, opened

if TYPE_CHECKING:
    from codman.flows.watch.planning import Conformed, Planned
    from codman.spine.monitor_plan import MonitorPlan


class Format(StrEnum):
    """How an answer is written."""

    TEXT = "text"
    JSON = "json"


class PlanFormat(StrEnum):
    """How a plan is written."""

    YAML = "yaml"
    JSON = "json"


def plan(
    policy: Annotated[
        str | None, typer.Option(metavar="FILE|NAME", help="A monitoring policy, or the name of a ready one.")
    ] = None,
    use: Annotated[
        str | None, typer.Option(metavar="ID", help="The use; without --policy, its policy in the book of record.")
    ] = None,
    edited: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="A plan already made, to take a partner's part of.")
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="PARTNER", help="Only this partner's part, as a contract.")
    ] = None,
    product: Annotated[str | None, typer.Option(metavar="NAME", help="The product.")] = None,
    accountable: Annotated[
        str | None, typer.Option(metavar="WHO", help="Who answers for it in the house: an e-mail address or id.")
    ] = None,
    partner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who computes what the policy wants from outside the house.")
    ] = None,
    label_delay: Annotated[
        int, typer.Option(metavar="DAYS", min=0, max=3650, help="Days from a prediction to its known outcome.")
    ] = 0,
    starts: Annotated[str | None, typer.Option(metavar="DAY", help="The first day that is watched, ISO 8601.")] = None,
    at: Annotated[str | None, typer.Option(metavar="DAY", help="As of this day; today if left out.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Put it into the book as the plan of --use, in the old one's place.")
    ] = False,
    why: Annotated[
        str | None, typer.Option(metavar="TEXT", help="With --follow: why it asks less than the use's policy.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where it is written; standard output without.")
    ] = None,
    format_: Annotated[PlanFormat, typer.Option("--format", help="How the plan is written.")] = PlanFormat.YAML,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write what is watched of a use: metrics, slices, windows, bounds, owners, actions.

    The limits are its policy's; windows, days and people may be edited. With --for, one partner's part as a contract
    that says what is due, in which form, on which days. With --follow it is followed once the use reaches patients.
    """
    from codman.evidence.files import write_whole
    from codman.flows.watch.planning import Planned, contract_of, plan_from_policy
    from codman.review.watching.written import load_plan, written_out

    if sum(given is not None for given in (policy, edited)) > 1 or not (policy or edited or use):
        raise typer.BadParameter("give one of --policy, --plan and --use")
    if follow and (use is None or policy is not None or for_ is not None):
        raise typer.BadParameter("--follow wants --use, with --plan where it was edited, and no other plan")
    said = Planned(
        product=product,
        use=use,
        accountable=accountable,
        partner=partner or (for_ if edited is None else None),
        label_delay_days=label_delay,
        starts_on=starts,
    )
    if follow:
        sys.stderr.write(_followed(str(use), edited, said, why, workspace, database_url) + "\n")
        return
    made: MonitorPlan
    if edited is not None:
        made = load_plan(edited)
    elif policy is not None:
        made = plan_from_policy(policy, said, at=at)
    else:
        made = _from_the_book(str(use), said, workspace, database_url)
    if for_ is not None:
        made = contract_of(made, for_, at)
    text = written_out(made) if format_ is PlanFormat.YAML else made.model_dump_json(indent=2) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        write_whole(out, text.encode())
        sys.stderr.write(f"{len(made.requires)} requirements in {out}\n")


def conform(
    reports: Annotated[list[Path], typer.Argument(metavar="FILE", help="What would be sent.", show_default=False)],
    contract: Annotated[Path, typer.Option(metavar="FILE", help="The contract, or a whole plan.", show_default=False)],
    key: Annotated[
        list[Path] | None, typer.Option(metavar="PUB", help="A public key that is trusted; may be given again.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="The time of judging; now if left out.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="How the answer is written.")] = Format.TEXT,
) -> None:
    """Tell a partner what in a report would fail, before the first day it is due.

    Exit 0 when all of it can be judged, whatever the verdict will be; 1 when some of it cannot.
    """
    from codman.flows.watch.planning import held_against

    found = held_against(contract, reports, keys=key or [], at=at)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(found.answer(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(found)) + "\n")
    raise typer.Exit(0 if found.conforms else 1)


def _from_the_book(use: str, said: Planned, workspace: Path | None, database_url: str | None) -> MonitorPlan:
    from codman.flows.operator import OPERATOR
    from codman.flows.watch.planning import plan_of_use

    with opened(workspace, database_url) as house:
        return plan_of_use(house, OPERATOR, use, said)


def _followed(
    use: str, edited: Path | None, said: Planned, why: str | None, workspace: Path | None, database_url: str | None
) -> str:
    from codman.flows.operator import OPERATOR
    from codman.flows.watch.keeping import plan_use
    from codman.review.watching.written import load_plan

    if edited is not None:
        load_plan(edited)  # its faults are told with the file's name
    with opened(workspace, database_url) as house:
        text = None if edited is None else edited.read_bytes()
        made = plan_use(house, OPERATOR, use, text=text, said=said, why=why)
    return f"{made.id}: the plan of {use} is {made.state.value}, from {made.starts_on}"


def _lines(found: Conformed) -> list[str]:
    whose = f" for {found.contract.partner}" if found.contract.partner else ""
    whole = "conforms" if found.conforms else "does not conform"
    said = [f"{found.contract.plan}, edition {found.contract.edition}{whose}: the report {whole}"]
    for one in found.results:
        said.append(f"{'✓' if one.conforms else '✗'} {one.title}: {one.outcome.value}. {one.sentence}")
        said += [f"    {problem}" for problem in one.problems if problem != one.sentence]
    return said
