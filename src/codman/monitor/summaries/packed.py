"""What a worker found, as bytes: arrays and JSON in one NumPy archive; nothing in it is ever unpickled."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_SAID: Final = "said"


def packed(said: Any, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Plain values and arrays as bytes."""
    whole = io.BytesIO()
    text = np.frombuffer(json.dumps(said).encode(), np.uint8)
    np.savez(whole, allow_pickle=False, **{_SAID: text, **arrays})
    return whole.getvalue()


def unpacked(whole: bytes) -> tuple[Any, dict[str, NDArray[Any]]]:
    """What `packed` was given."""
    with np.load(io.BytesIO(whole), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(arrays.pop(_SAID).tobytes()), arrays
