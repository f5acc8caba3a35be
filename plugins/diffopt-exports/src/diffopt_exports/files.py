"""Shared by all exporters: axes and unit, quaternions, the JSON file beside each export, atomic writes."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from diffopt_core.common.documents import write_json
from diffopt_core.common.progress import track
from diffopt_core.data.rotation import matrix_to_quaternion
from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import BuildContext, Exporter
from diffopt_core.results.failures import stop_if_full
from diffopt_core.types import Result
from torch import Tensor

from .configs import MotionOptions
from .performance import Performance, perform

#: Y up to Z up: a quarter turn about x. Forward, +z, becomes -y.
_Z_FROM_Y = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
_PER_METRE = {"m": 1.0, "cm": 100.0}


@dataclass(frozen=True)
class Axes:
    """``up``: y or z; ``unit``: m or cm. A point is written as ``scale * W x``."""

    up: str = "y"
    unit: str = "m"

    @property
    def scale(self) -> float:
        return _PER_METRE[self.unit]

    @property
    def matrix(self) -> Tensor:
        """``W`` (3, 3), float64."""
        if self.up == "y":
            return torch.eye(3, dtype=torch.float64)
        return torch.tensor(_Z_FROM_Y, dtype=torch.float64)

    def points(self, points: Tensor) -> np.ndarray:
        """(..., 3) world metres to the file's axes and unit, float64."""
        return (self.scale * (points.double() @ self.matrix.mT)).numpy()

    def rotations(self, rotations: Tensor) -> Tensor:
        """(..., 3, 3) to the file's axes, with the rest pose rotated as well: ``W R W^T``."""
        return self.matrix @ rotations.double() @ self.matrix.mT

    def describe(self) -> dict[str, str]:
        forward = "+z" if self.up == "y" else "-y"
        return {
            "axes": f"right-handed, {self.up} up; a body that faces {forward} has its left on +x",
            "unit": self.unit,
        }


def smooth_quaternions(rotations: Tensor) -> Tensor:
    """(T, ..., 3, 3) to (T, ..., 4), x y z w; with the sign of their predecessor: q and -q are the same rotation, and a
    reader that interpolates linearly between them would take the long way."""
    quaternions = matrix_to_quaternion(rotations)
    flips = (quaternions[1:] * quaternions[:-1]).sum(-1, keepdim=True) < 0
    sign = torch.where(flips, -1.0, 1.0).to(quaternions).cumprod(0)
    return torch.cat([quaternions[:1], quaternions[1:] * sign])


def describe(performance: Performance, options: MotionOptions, axes: Axes, **own: Any) -> Mapping[str, Any]:
    """The JSON content as plain data; ``own``: additions of the format."""
    return {
        "name": performance.name,
        "frames": performance.num_frames,
        "fps": performance.fps,
        **axes.describe(),
        "body_model": performance.body_model,
        "betas_of": performance.betas_of,
        **performance.honesty(),
        "options": options.model_dump(mode="json"),
        **own,
        **performance.facts,
    }


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, with the same suffix, renamed to ``path`` if the block succeeds.

    For libraries that need a path instead of an open file. Raises DiffOptError naming a folder that cannot be written.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        raise DiffOptError(f"{path.parent}: cannot write {path.name}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_beside(path: Path, words: Mapping[str, Any]) -> Path:
    """``motion.bvh.json`` beside ``motion.bvh``: information that the format cannot store. Returns its path."""
    beside = path.with_name(f"{path.name}.json")
    write_json(beside, {"file": path.name, **words})
    return beside


Options = TypeVar("Options", bound=MotionOptions)


class FileExporter(ABC, Generic[Options]):
    """Implements :class:`diffopt_core.interfaces.Exporter`: ``file``, and ``FILE.json`` beside it. ``usual``: the
    format's usual axes and unit."""

    file: ClassVar[str]
    usual: ClassVar[Axes] = Axes()

    def __init__(self, options: Options, ctx: BuildContext):
        self.options = options

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write both; raises DiffOptError naming a folder that cannot be written."""
        performance, axes, path = perform(result, self.options), self.axes(), folder / self.file
        told = self.write(path, performance, axes)
        return [path, write_beside(path, describe(performance, self.options, axes, **told))]

    def axes(self) -> Axes:
        """The requested axes; ``auto``: the format's usual ones."""
        up, unit = self.options.up, self.options.unit
        return Axes(self.usual.up if up == "auto" else up, self.usual.unit if unit == "auto" else unit)

    @abstractmethod
    def write(self, path: Path, performance: Performance, axes: Axes) -> dict[str, Any]:
        """Write the file; returns the format's additions to the JSON file."""


def write_together(
    result: Result, exporters: Mapping[str, Exporter], folder: Path
) -> tuple[dict[str, list[Path]], dict[str, DiffOptError]]:
    """Export into a folder beside ``folder``, then move the files in. Returns the files of each format, and the errors
    of formats that failed; if it is all of them, that of the first is raised. Raises DiffOptError if the folder is
    unusable; then nothing is written."""
    new = not folder.exists()
    try:
        if folder.exists() and not folder.is_dir():
            raise DiffOptError(f"{folder}: is a file; give a folder with --out")
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".exports.", dir=folder))
    except OSError as error:
        raise DiffOptError(f"{folder}: cannot be written ({error.strerror}); choose another with --out") from error
    try:
        drafts, failed = dict[str, list[Path]](), dict[str, DiffOptError]()
        with track("export", len(exporters)) as update:
            for done, (name, exporter) in enumerate(exporters.items(), 1):
                try:
                    drafts[name] = exporter.export(result, _own(draft, name))
                except DiffOptError as error:
                    stop_if_full(error, folder)
                    # the exporter only knows the temporary folder
                    failed[name] = DiffOptError(str(error).replace(str(draft / name), str(folder)))
                update(done)
        if not drafts:
            raise next(iter(failed.values()))
        for files in drafts.values():
            for file in files:
                os.replace(file, folder / file.name)
        return {name: [folder / file.name for file in files] for name, files in drafts.items()}, failed
    except OSError as error:
        raise DiffOptError(f"{folder}: cannot be written ({error.strerror}); choose another with --out") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if new and not any(folder.iterdir()):
            folder.rmdir()


def _own(draft: Path, name: str) -> Path:
    """A folder of the format's own, so that what a failed one leaves is not taken for another's."""
    (draft / name).mkdir()
    return draft / name
