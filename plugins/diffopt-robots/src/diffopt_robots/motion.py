"""What all of these files begin with: the motion as the exporter ``amass`` writes it, and the skeleton behind it."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from diffopt_core.common.documents import read_json, write_json
from diffopt_core.common.npz import Arrays, read_npz
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.errors import MissingResource, UnknownName
from diffopt_core.interfaces import BuildContext
from diffopt_core.results.saved import Figure, figure_of, posed
from diffopt_core.types import Result
from torch import Tensor

from .configs import RobotConfig

#: Root and body joints that SMPL, SMPL-H and SMPL-X share.
SHARED = 22
#: What is known of each frame, by the names of motion.npz.
MARKS = ("valid", "bridged", "contact", "root_band90", "joint_band90")


@dataclass(frozen=True)
class Moved:
    """One clip after all options, Z up, m. ``poses`` (T, 66) axis-angle, rad; ``trans`` (T, 3): ``pelvis`` (T, 3) less
    the rest pelvis of the reader's body; ``marks``: as motion.npz has them; ``words``: for the JSON beside the file."""

    poses: np.ndarray
    trans: np.ndarray
    pelvis: np.ndarray
    betas: np.ndarray
    gender: str
    fps: float
    figure: Figure
    marks: Arrays
    words: dict[str, Any]

    @property
    def rate(self) -> np.ndarray:
        """Frames per second, a whole number where it is one: readers divide by it without a remainder."""
        return np.array(round(self.fps) if abs(self.fps - round(self.fps)) < 1e-6 else self.fps)

    def turns(self) -> Tensor:
        """(T, 22, 3, 3): the root in the world, joints in their parents' frames."""
        return axis_angle_to_matrix(torch.from_numpy(self.poses).reshape(-1, SHARED, 3))

    def joints(self) -> np.ndarray:
        """(T, 22, 3) in the world, Z up, m."""
        whole = torch.eye(3, dtype=torch.float64).repeat(len(self.poses), 24, 1, 1)
        whole[:, :SHARED] = self.turns()
        return posed(whole, torch.from_numpy(self.pelvis), self.figure.rest.double()).numpy()[:, :SHARED]


Config = TypeVar("Config", bound=RobotConfig)


class RobotExporter(ABC, Generic[Config]):
    """Implements :class:`diffopt_core.interfaces.Exporter`: the reader's files, and ``FILE.json`` beside the first."""

    def __init__(self, config: Config, ctx: BuildContext):
        self.config = config
        options = {"up": "z", "fps": config.fps, "origin": config.origin, "feet": config.feet, "body": config.body}
        try:
            self._amass = ctx.build("exporter", "amass", options)
        except UnknownName as error:
            raise MissingResource(f"{config.file} needs the exporter 'amass': pip install diffopt-exports") from error

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write them; raises DiffOptError naming a folder that cannot be written."""
        path, moved = folder / self.config.file, self._moved(result)
        files, told = self.write(path, moved)
        beside = path.with_name(f"{path.name}.json")
        write_json(beside, {**moved.words, "file": path.name, "options": self.config.model_dump(mode="json"), **told})
        return [*files, beside]

    @abstractmethod
    def write(self, path: Path, moved: Moved) -> tuple[list[Path], dict[str, Any]]:
        """Write the files; their paths, and what the format adds to the words beside them."""

    def _moved(self, result: Result) -> Moved:
        with tempfile.TemporaryDirectory() as folder:
            file, words = self._amass.export(result, Path(folder))
            arrays, told = read_npz(file), read_json(words)
        return Moved(
            poses=arrays["poses"][:, : 3 * SHARED],
            trans=arrays["trans"],
            pelvis=arrays["trans"] + arrays["rest_pelvis"],
            betas=arrays["betas"],
            gender=str(arrays["gender"]),
            fps=float(arrays["mocap_framerate"]),
            figure=figure_of(result),
            marks={key: arrays[key] for key in MARKS if key in arrays},
            words=told,
        )
