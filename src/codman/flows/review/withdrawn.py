"""What was voted in cases that were withdrawn: the next one says so, that no vote is got rid of by starting over."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection

from codman.registry import governance
from codman.registry.schema_review import cases, votes
from codman.spine.day import written_day
from codman.spine.review import Case, CaseState, Vote


def voted_before(connection: Connection, case: Case) -> list[str]:
    """What was voted in cases of the same use and checkpoint that were withdrawn since the last decision, in words."""
    same = (cases.c.use == case.use, cases.c.checkpoint == case.checkpoint.value)
    earlier: list[Case] = governance.every(connection, "case", *same, order="created_at")
    earlier = [one for one in earlier if one.id != case.id and one.created_at <= case.created_at]
    last = max((one.created_at for one in earlier if one.state is CaseState.DECIDED), default="")
    said = []
    for one in earlier:
        if one.state is not CaseState.WITHDRAWN or one.created_at < last:
            continue
        cast: list[Vote] = governance.every(connection, "vote", votes.c.case == one.id)
        counts = Counter(vote.choice.value for vote in cast)
        if counts:
            words = ", ".join(f"{number} to {choice}" for choice, number in sorted(counts.items()))
            said.append(
                f"a case for this checkpoint was withdrawn on {written_day(one.updated_at)} after votes: {words}"
            )
    return said
