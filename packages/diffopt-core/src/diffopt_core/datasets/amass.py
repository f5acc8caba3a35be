"""Dataset ``amass``: motion that no video belongs to, for the simulator and for scoring.

Three kinds of `.npz` are told apart by their keys:

- AMASS (and SMPL-X releases in its layout): ``poses`` (N, 72 | 156 | 165), ``trans``, ``betas``, a frame rate; Z up.
  Joints 22 and 23 of SMPL have no counterpart beyond 72 columns and are left straight.
- motion shards: ``poses`` (N, 24, 3), ``trans`` (pelvis), ``starts``, ``names``; Y up. Many clips in a file.
- ``motion.npz`` of a result folder, or a truth file: ``global_orient``, ``body_pose``, ``transl`` (pelvis); Y up.

SMPL's ``trans`` is not the pelvis: ``pelvis = trans + rest pelvis``, the rest pelvis being a constant of the body's
shape that only the licensed model file knows. Here ``rest_pelvis`` stands for it (rounded, for an average adult).
A wrong value moves the whole clip by a constant, and changes neither the motion nor any aligned metric.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ..config import ComponentConfig


class AmassConfig(ComponentConfig):
    """Which clip of the file, at what rate, and what the file does not say itself."""

    builds: ClassVar[str] = "diffopt_core.datasets.motion_file:MotionDataset"

    clip: str = Field(default="", description="name or index of a clip in a shard; also as FILE#clip")
    fps: float | None = Field(default=30.0, gt=0, description="resample to this rate; null keeps the file's own")
    source_fps: float | None = Field(default=None, gt=0, description="frame rate of a file that holds none")
    up: Literal["auto", "y", "z"] = Field(default="auto", description="auto: z for AMASS, y for the others")
    rest_pelvis: tuple[float, float, float] = Field(default=(0.0, -0.22, 0.03), description="AMASS, m: pelvis - trans")
    skeleton: Path | None = Field(default=None, description="skeleton.json; by default beside the shard")
