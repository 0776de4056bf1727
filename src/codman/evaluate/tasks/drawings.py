"""Curves of several classes or labels in one set, each naming whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codman.spine.statement import Curve, Curves


def named_curves(so_far: Curves, more: Curves, params: Mapping[str, Any]) -> Curves:
    """Add the curves of everyone, with `params` beside x and y; those of groups are left to the binary task."""
    return Curves(
        **{
            kind: [
                *getattr(so_far, kind),
                *(
                    Curve.model_validate({**curve.model_dump(), "params": dict(params)})
                    for curve in getattr(more, kind)
                    if not curve.slice
                ),
            ]
            for kind in Curves.model_fields
        }
    )
