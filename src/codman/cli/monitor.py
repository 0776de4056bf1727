"""`codman monitor`: after go-live. One file a command: monitor_drift.py, and those beside it."""

from __future__ import annotations

import typer

from codman.cli.monitor_challenge import challenge
from codman.cli.monitor_drift import drift
from codman.cli.monitor_estimate import estimate
from codman.cli.monitor_plan import conform, plan
from codman.cli.monitor_power import power, replay
from codman.cli.monitor_retraining import retraining
from codman.cli.monitor_run import run

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="After go-live: drift, performance with and without labels, plans, power.",
)


@app.callback()
def monitor() -> None:
    """After go-live: drift, performance with and without labels, plans, power."""


app.command("drift")(drift)
app.command("estimate")(estimate)
app.command("plan")(plan)
app.command("conform")(conform)
app.command("power")(power)
app.command("replay")(replay)
app.command("run")(run)
app.command("challenge")(challenge)
app.command("retraining")(retraining)
