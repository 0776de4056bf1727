"""YAML that came with Codman, read by libyaml where PyYAML has it: ten times as fast.

Not for what somebody else wrote: libyaml knows no bound on depth, and a file of nothing but dashes would end the
process.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

FAST_SAFE_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML can be built without libyaml


def read_yaml(text: str | bytes) -> Any:
    """What a YAML text of ours says, as plain lists, mappings and scalars.

    Raises:
        yaml.YAMLError: It is no YAML.
    """
    return yaml.load(text, FAST_SAFE_LOADER)  # noqa: S506 (both loaders are safe)
