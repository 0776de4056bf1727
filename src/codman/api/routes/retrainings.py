"""Retrainings: proposed for an incident in which the model got worse, filed for review, or declined."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.edits import Because, edit
from codman.flows.watch.refusals import PROPOSE
from codman.spine.watching import WatchStep

_TAG: Final = "monitoring"


def operations() -> Iterator[Operation]:
    """What can be done about retraining."""
    yield Operation(
        method="POST",
        path="/incidents/{id}/retraining",
        name="propose_retraining",
        tag=_TAG,
        action=PROPOSE,
        summary="Propose an update of a model that got worse",
        description="What changed, how many outcomes are known since, what an update would gain at least, and whether "
        "an approved change plan covers it. Asked again, it is the proposal that stands.",
        do=_propose,
        parameters={"id": "The incident's id"},
        problems=(409,),
        answers=(Answer(200, "The proposal", WatchStep, headers=("ETag",)),),
    )
    for word, name, summary, description, do in (
        (
            "retraining-review", "file_retraining", "Bring a proposed update before the change checkpoint",
            "A case is opened that reviews it.", _later("file_retraining"),
        ),
        (
            "retraining-refusal", "decline_retraining", "Leave the model as it is, and say why",
            "The incident stays open.", _later("decline_retraining"),
        ),
    ):  # fmt: skip
        yield edit(
            f"/watch-steps/{{id}}/{word}",
            "watch_step",
            name,
            summary,
            description,
            do,
            tag=_TAG,
            action=PROPOSE,
            parameter="The step's id, as its incident names it",
            body=Body(Because, "Why"),
            answer=Answer(200, "It is settled", WatchStep, headers=("ETag",)),
        )


def _propose(call: Call) -> Reply:
    made = _later("propose_retraining")(call.house, call.reader, call.id("incident"), request=call.request)
    return replies.record(made)


def _later(name: str) -> Callable[..., Any]:
    """A function of flows/watch/retraining, loaded once it is called: the engines are slow to load."""

    def do(*asked: Any, **more: Any) -> Any:
        retraining: Any = importlib.import_module("codman.flows.watch.retraining")
        return getattr(retraining, name)(*asked, **more)

    return do
