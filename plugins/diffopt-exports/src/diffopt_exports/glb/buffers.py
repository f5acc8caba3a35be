"""The binary part of a GLB: arrays laid end to end, each with its view and its accessor."""

from __future__ import annotations

import numpy as np
from pygltflib import (
    ARRAY_BUFFER,
    ELEMENT_ARRAY_BUFFER,
    FLOAT,
    GLTF2,
    MAT4,
    SCALAR,
    UNSIGNED_BYTE,
    UNSIGNED_INT,
    VEC3,
    VEC4,
    Accessor,
    BufferView,
)

_COMPONENT = {"float32": FLOAT, "uint8": UNSIGNED_BYTE, "uint32": UNSIGNED_INT}
_SHAPE = {(): SCALAR, (3,): VEC3, (4,): VEC4, (4, 4): MAT4}


class Buffers:
    """Adds arrays to ``gltf`` and gives the number of each one's accessor."""

    def __init__(self, gltf: GLTF2):
        self._gltf = gltf
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """``array`` (N, ...) of float32, uint8 or uint32. ``bounds``: say the least and the greatest values, as glTF
        wants for positions and times."""
        data = np.ascontiguousarray(array)
        least = greatest = None
        if bounds:
            flat = data.reshape(len(data), -1)
            least, greatest = ([float(v) for v in values] for values in (flat.min(0), flat.max(0)))
        raw = data.tobytes()
        self._gltf.bufferViews.append(BufferView(buffer=0, byteOffset=self._size, byteLength=len(raw), target=target))
        self._gltf.accessors.append(
            Accessor(
                bufferView=len(self._gltf.bufferViews) - 1,
                byteOffset=0,
                componentType=_COMPONENT[data.dtype.name],
                count=len(data),
                type=_SHAPE[data.shape[1:]],
                min=least,
                max=greatest,
            )
        )
        padded = raw + b"\0" * (-len(raw) % 4)
        self._parts.append(padded)
        self._size += len(padded)
        return len(self._gltf.accessors) - 1

    def vertices(self, array: np.ndarray, bounds: bool = False) -> int:
        return self.add(array, ARRAY_BUFFER, bounds)

    def corners(self, faces: np.ndarray) -> int:
        return self.add(faces.reshape(-1).astype(np.uint32), ELEMENT_ARRAY_BUFFER)

    def blob(self) -> bytes:
        return b"".join(self._parts)
