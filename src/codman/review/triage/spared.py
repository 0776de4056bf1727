"""What frameworks do not ask of a use, by what its triage settled."""

from __future__ import annotations

from collections.abc import Mapping

from codman.review.triage.rules import Rules


def spared(rules: Rules, classes: Mapping[str, str], on: str) -> dict[str, str]:
    """The controls that are not asked, as framework or framework/control, each with why.

    Args:
        rules: The rules that were held.
        classes: What each scheme says, where that is settled: `Triage.settled_classes`. What is not settled is asked.
        on: The day of the triage, in words.
    """
    found: dict[str, str] = {}
    for scheme in rules.schemes:
        said, what = classes.get(scheme.id), scheme.spares
        if said is None or what is None:
            continue
        if not said:
            found[what.framework] = f"Triage of {on}: {scheme.title} does not speak of such a use."
        elif scheme.classes.index(said) < scheme.classes.index(what.below):
            why = f"Triage of {on}: {what.because} ({scheme.title}: {said})."
            found |= {f"{what.framework}/{control}": why for control in what.controls}
    return found
