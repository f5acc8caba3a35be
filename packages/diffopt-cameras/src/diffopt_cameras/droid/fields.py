"""Arrays out of what a foreign file holds, checked, with the file and the key in every complaint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput


def numbers(value: Any, path: Path, key: str, *shape: int | None) -> np.ndarray:
    """``value`` as doubles of the given shape (None: any length). Raises BadInput."""
    try:
        array = np.asarray(value)
        if array.dtype == object:  # a list of matrices of one size each
            array = np.stack([np.asarray(row) for row in value])
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise BadInput(path, key, f"is no array of numbers but {type(value).__name__}") from None
    fits = array.ndim == len(shape) and all(n is None or n == m for n, m in zip(shape, array.shape, strict=True))
    if not fits:
        wanted = " x ".join("N" if n is None else str(n) for n in shape)
        got = " x ".join(map(str, array.shape)) or "a single number"
        raise BadInput(path, key, f"has shape {got}, expected {wanted}")
    return array


def take(content: Any, path: Path, key: str, *shape: int | None) -> np.ndarray:
    """``content[key]`` by :func:`numbers`. Raises BadInput naming the keys that are there."""
    if not isinstance(content, Mapping) or key not in content:
        raise BadInput(path, key, f"is missing; the file holds {describe(content)}")
    return numbers(content[key], path, key, *shape)


def describe(content: Any) -> str:
    """What a file holds, in a few words."""
    if isinstance(content, Mapping):
        keys = [str(key) for key in content]
        return f"the keys {', '.join(keys[:12])}{', ...' if len(keys) > 12 else ''}" if keys else "nothing"
    if isinstance(content, np.ndarray):
        return f"an array of shape {' x '.join(map(str, content.shape)) or '()'}"
    return f"a {type(content).__name__}"
