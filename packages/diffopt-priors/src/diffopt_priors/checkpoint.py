"""Read a published PyTorch checkpoint without executing code, with one-line errors.

Uses :mod:`diffopt_core.common.unpickle`; objects of a training framework are skipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput


def read(path: Path, source: str) -> dict[Any, Any]:
    """The dictionary in the file, arrays as tensors. ``source``: where to get such a file, appended to errors. Raises
    BadInput."""
    try:
        loaded = read_foreign(path)
    except BadInput as error:
        raise BadInput(path, error.key, f"{error.problem}; {source}") from error
    if not isinstance(loaded, dict) or not loaded:
        raise BadInput(path, "file", f"holds {_kind(loaded)}; expected a dictionary of weights; {source}")
    held: dict[Any, Any] = _tensors(loaded)
    return held


def _kind(value: Any) -> str:
    return "nothing" if isinstance(value, dict) and not value else f"an object of type {type(value).__name__}"


def _tensors(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tensors(part) for key, part in value.items()}
    number = isinstance(value, np.ndarray) and value.dtype.kind in "biufc"
    return torch.from_numpy(np.array(value, value.dtype.newbyteorder("="))) if number else value
