"""Disk cache of perception: a second run is instant, an interrupted one continues where it stopped.

The key of an entry covers everything it depends on: the content of the video, the frames, the component with its
options, the code of all packages with perception components, and the entries before it. Files that an option names
enter by their content.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import logging
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..common.npz import read_npz, write_npz
from ..common.output import heard
from ..common.places import cache_folder
from ..errors import BadInput, DiffOptError
from ..types import CameraFrameBody, CameraTrajectory, Clip, MotionEvidence, Observations
from .weights.store import digest

log = logging.getLogger(__name__)
#: Increased when the meaning of an entry changes.
FORMAT = 3
_PLAIN, _TOLD = "__plain__", "__told__"
#: Files, and bytes of them, that an option may name: more is another folder than was meant.
_MOST, _BYTES = 200_000, 1 << 36
Part = TypeVar("Part", Observations, CameraTrajectory, CameraFrameBody)


def clip_key(clip: Clip) -> str:
    """Key of everything in a clip that perception depends on."""
    assert clip.video is not None
    facts = (FORMAT, clip.sha256, clip.video.frames, clip.video.rotation, clip.size, clip.fps, clip.focal, clip.person)
    return _digest(facts)


def step_key(before: str, component: str, code: str, options: Mapping[str, Any]) -> str:
    """Key of a perception step, from the key of its input and from its component."""
    return _digest((before, component, code, {name: _content(value) for name, value in options.items()}))


@lru_cache
def source_digest(packages: tuple[str, ...]) -> str:
    """Digest of the source of import packages (or single modules), because version numbers do not change during
    development."""
    total = hashlib.sha256()
    for package in packages:
        module = sys.modules.get(package) or importlib.import_module(package)
        where = Path(str(module.__file__))
        for file in sorted(where.parent.rglob("*.py")) if where.name == "__init__.py" else [where]:
            total.update(file.read_bytes())
    return total.hexdigest()


def kept(cls: type[Part], key: str, make: Callable[[], Part], fresh: bool) -> Part:
    """The cached entry ``key``; otherwise the result of ``make``, which is cached if the folder can be written. What
    ``make`` warned of is told again with the entry."""
    path = cache_folder() / "perceived" / f"{cls.__name__}-{key[:32]}.npz"
    if path.is_file() and not fresh:
        try:
            arrays = dict(read_npz(path))
            told = json.loads(str(arrays.pop(_TOLD, "[]")))
            part = unpack(cls, arrays, path)
            for text in told:
                log.warning("%s", text)
            return part
        except (BadInput, ValueError):  # damaged: recompute it
            path.unlink(missing_ok=True)
    with heard([]) as told:
        part = make()
    try:
        write_npz(path, pack(part) | {_TOLD: np.array(json.dumps(told))})
    except DiffOptError as error:
        log.warning("perception results could not be cached: %s", error)
    return part


def pack(part: Observations | CameraTrajectory | CameraFrameBody) -> dict[str, np.ndarray]:
    """Arrays of a part: tensors by name, everything else as one line of JSON."""
    arrays: dict[str, np.ndarray] = {}
    plain: dict[str, Any] = {}
    for item in dataclasses.fields(part):
        value = getattr(part, item.name)
        if isinstance(value, Tensor):
            arrays[item.name] = value.detach().cpu().numpy()
        elif isinstance(value, MotionEvidence):
            arrays |= {f"{item.name}.{name}": tensor.cpu().numpy() for name, tensor in vars(value).items()}
        else:
            plain[item.name] = value
    arrays[_PLAIN] = np.array(json.dumps(plain, sort_keys=True, default=str))
    return arrays


def unpack(cls: type[Part], arrays: Mapping[str, np.ndarray], path: Path) -> Part:
    """Inverse of :func:`pack`. Raises BadInput for an entry of another format."""
    try:
        values: dict[str, Any] = dict(json.loads(str(arrays[_PLAIN])))
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items() if name != _PLAIN}
        values |= {name: tensor for name, tensor in tensors.items() if "." not in name}
        if said := {name.partition(".")[2]: tensor for name, tensor in tensors.items() if "." in name}:
            values["evidence"] = MotionEvidence(**said)
        return cls(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(path, "entry", f"was written by another version ({error})") from error


def _content(value: Any) -> Any:
    """A path becomes the digest of its content; other values stay."""
    if not isinstance(value, Path) or not value.exists():
        return value
    there = islice(value.rglob("*"), _MOST + 1) if value.is_dir() else [value]
    files = sorted(file for file in there if file.is_file())
    if len(files) > _MOST or sum(file.stat().st_size for file in files) > _BYTES:
        raise BadInput(value, "folder", f"holds more than {_MOST} files or {_BYTES >> 30} GiB: no result of one clip")
    return [(file.name, digest(file)) for file in files]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
