"""Replay: the alarms a history would have raised, before they are switched on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from codman.evaluate.distributions import chi2_ppf
from codman.monitor.alarms.budgets import Notice, deliver
from codman.monitor.alarms.evidence import Evidence
from codman.monitor.alarms.incidents import Alarm, Incident, incidents
from codman.monitor.alarms.stream import Stream, WatchImpossible
from codman.monitor.alarms.watch import Rules, watch_all
from codman.monitor.power.rules import A_MONTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What the alarms would have done over a history."""

    windows: tuple[str, ...]  # (T,) when each starts
    ends: tuple[str, ...]  # (T,) when each ends
    streams: tuple[Stream, ...]
    rules: Rules
    alarms: tuple[Alarm, ...]
    ended: int  # alarms that went off again
    incidents: tuple[Incident, ...]
    at_once: Mapping[str, int]  # owner -> incidents told at once
    digest: Mapping[str, int]  # owner -> incidents left for the digest
    notes: tuple[str, ...] = ()

    @property
    def months(self) -> float:
        """How long the history is."""
        return max((_time(self.ends[-1]) - _time(self.windows[0])).total_seconds() / 86_400 / A_MONTH, 1e-9)

    def written(self) -> dict[str, Any]:
        """As plain JSON types."""
        low, high = _poisson(len(self.incidents))
        return {
            "windows": len(self.windows), "from": self.windows[0], "to": self.ends[-1], "months": self.months,
            "streams": len(self.streams), "rules": self.rules.written(),
            "alarms": len(self.alarms), "ended": self.ended,
            "alarms_per_month": len(self.alarms) / self.months,
            "incidents_per_month": len(self.incidents) / self.months,
            "incidents_per_month_lower": low / self.months, "incidents_per_month_upper": high / self.months,
            "owners": [
                {"owner": owner, "at_once": self.at_once.get(owner, 0), "digest": self.digest.get(owner, 0)}
                for owner in sorted({*self.at_once, *self.digest})
            ],
            "incidents": [
                {
                    "at": one.at, "owner": one.owner, "severe": one.severe, "alarms": len(one.alarms),
                    "sentence": one.sentence, "causes": [cause.written() for cause in one.causes[:3]],
                    "streams": [
                        alarm.stream.written()
                        | {"at": alarm.at, "since": self.windows[alarm.moved], "shift": alarm.shift}
                        for alarm in one.alarms[:20]
                    ],
                }
                for one in self.incidents
            ],
            "notes": list(self.notes),
        }  # fmt: skip


def replay(
    evidence: Evidence,
    streams: Sequence[Stream],
    rules: Rules,
    windows: Sequence[str],
    ends: Sequence[str],
    *,
    budgets: Mapping[str, int] | None = None,
    within: int = 2,
    owners: Mapping[str, str] | None = None,
    late: Sequence[float] | None = None,
    notes: Sequence[str] = (),
) -> Replay:
    """Run the alarms over a history's evidence, group what they raise, and count what each owner would be told.

    Args:
        evidence: (T, S) of every window and stream.
        streams: (S,) what they are, and whose.
        rules: How alarms go on and off.
        windows: (T,) when each starts, ISO 8601.
        ends: (T,) when each ends.
        budgets: Owner to incidents a month.
        within: Windows between two alarms of one incident.
        owners: Who answers for a cause, by its name.
        late: (S,) days after a window's end until the stream is known: its labels' delay; 0 unless said.
        notes: What a reader should know.

    Raises:
        WatchImpossible: No window, or sizes that do not fit.
    """
    if not windows or evidence.e.shape != (len(windows), len(streams)) or len(ends) != len(windows):
        raise WatchImpossible(
            what="the history does not fit",
            why=f"{len(windows)} windows, {len(streams)} streams",
            fix="give one of each",
        )
    done = watch_all(evidence, rules, list(streams))
    wait = [timedelta(days=days) for days in late or [0.0] * len(streams)]
    raised = tuple(
        Alarm(
            stream=streams[s], window=int(t), at=(_time(ends[t]) + wait[s]).isoformat(), moved=int(done.moved[t, s]),
            shift=float(evidence.shift[t, s]), e=float(evidence.e[t, s]),
        )
        for t, s in zip(*np.nonzero(done.raised), strict=True)
    )  # fmt: skip
    found = incidents(raised, streams, within=within, owners=owners)
    notices = [
        Notice(
            incident=str(i), owner=one.owner, at=_time(one.at), severe=one.severe,
            strength=max(alarm.e for alarm in one.alarms),
        )
        for i, one in enumerate(found)
    ]  # fmt: skip
    told = deliver(notices, [], budgets or {})
    return Replay(
        windows=tuple(windows), ends=tuple(ends), streams=tuple(streams), rules=rules, alarms=raised,
        ended=int(done.ended.sum()), incidents=found, at_once=Counter(one.owner for one in told.at_once),
        digest=Counter(one.owner for one in told.digest), notes=tuple(notes),
    )  # fmt: skip


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _poisson(count: int) -> tuple[float, float]:
    """Exact 95 % interval of a Poisson mean. Source: Garwood 1936, doi:10.1093/biomet/28.3-4.437."""
    lower = 0.0 if count == 0 else chi2_ppf(0.025, 2 * count) / 2
    return lower, chi2_ppf(0.975, 2 * (count + 1)) / 2
