"""Arrays end to end in one base64 text: numbers as text would be five times the size."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from torch import Tensor

#: Joints about the pelvis: a step of a tenth of a millimetre, a reach of 3.2 m.
STEP = 1e-4
#: In whole numbers this stands for nan.
MISSING = -32768


class Blob:
    """``add`` gives what finds the array again: type, first byte, count. All start at multiples of four bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, values: np.ndarray | Tensor, kind: str = "f4") -> dict[str, Any]:
        """``kind``: a little-endian NumPy type, f4, i2, i1, u1, u2 or u4; values have its range already."""
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
        raw = np.ascontiguousarray(array).astype(f"<{kind}").tobytes()
        place = {"t": kind, "o": self._size, "n": array.size}
        raw += b"\0" * (-len(raw) % 4)
        self._parts.append(raw)
        self._size += len(raw)
        return place

    def steps(self, values: np.ndarray | Tensor, step: float = STEP) -> dict[str, Any]:
        """Numbers as multiples of ``step`` in two bytes each; nan where there is none, the ends of the range where a
        number is beyond it."""
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
        whole = np.clip(np.round(array / step), MISSING + 1, 32767)
        return self.add(np.where(np.isfinite(array), whole, MISSING), "i2") | {"s": step}

    def text(self) -> str:
        return base64.b64encode(b"".join(self._parts)).decode()
