"""Policy packs: ready checkpoints by kind of AI, and the frameworks their requirements answer; every one dated.

Start at choose.py. A new pack: one file in ready/. A new framework: one file in frameworks/.
"""

from codman.review.packs.catalog import every_pack, packs
from codman.review.packs.choose import Chosen, NoPolicy, SeveralPolicies, policies_for
from codman.review.packs.framework import ControlFramework, framework, frameworks
from codman.review.packs.pack import Pack

__all__ = [
    "Chosen",
    "ControlFramework",
    "NoPolicy",
    "Pack",
    "SeveralPolicies",
    "every_pack",
    "framework",
    "frameworks",
    "packs",
    "policies_for",
]
