"""The pickles of a torch file, gone through before torch's own loader may: what it would allocate, hash or grow.

torch's ``weights_only`` calls nothing strange, but makes as many bytes as a file of a hundred asks for.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from .interpreter import Inert
from .restricted import Unpickler, find_class
from .torch_parts import LEGACY_PICKLES, Storage, Storages, fits


def _tensor(held: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Inert:
    if not isinstance(held, Storage):
        raise UnpicklingError(f"a tensor over {type(held).__name__} is refused")
    if not fits(offset, size, stride, held.count):
        raise UnpicklingError("a tensor beyond its storage is refused")
    return Inert()


class _Dry(Storages, Unpickler):
    functions = Unpickler.functions | {_tensor}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_tensor"):
            return _tensor
        return self.storage_name(module, name) or find_class(module, name)


def _bytes_of(held: Mapping[str, zipfile.ZipInfo], folder: str, key: str) -> int:
    info = held.get(f"{folder}data/{key}")
    return info.file_size if info else 0


def go_through(path: Path) -> None:
    """Raises Refused, UnpicklingError, or zipfile's errors, where torch's loader shall not see the file."""
    whole = path.stat().st_size
    with open(path, "rb") as file:
        zipped = file.read(2) == b"PK"
    if not zipped:
        stream = io.BytesIO(path.read_bytes())
        for _ in range(LEGACY_PICKLES):
            dry = _Dry(stream)
            dry.room = lambda _: whole
            dry.load()
        return
    with zipfile.ZipFile(path) as archive:
        held = {info.filename: info for info in archive.infolist()}
        if len(held) != len(archive.infolist()) or any(i.compress_type != zipfile.ZIP_STORED for i in held.values()):
            raise UnpicklingError("an archive with names twice or compressed parts, which torch does not write")
        if sum(info.file_size for info in held.values()) > whole:
            raise UnpicklingError("an archive whose parts are larger than it")
        for name in held:
            if name.endswith("/data.pkl"):
                dry = _Dry(io.BytesIO(archive.read(name)))
                folder = name.removesuffix("data.pkl")
                dry.room = partial(_bytes_of, held, folder)
                dry.load()
