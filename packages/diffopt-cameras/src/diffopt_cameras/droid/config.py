"""Settings of the camera source ``droid``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from pydantic import NonNegativeInt, PositiveInt

Format = Literal[
    "auto", "droid", "droid-reconstruction", "dpvo", "wham", "tram", "gvhmr", "simplevo", "slahmr", "prompthmr",
    "colmap-text", "tum", "kitti",
]  # fmt: skip
Quaternion = Literal["auto", "xyzw", "wxyz", "yzwx"]


class DroidConfig(ComponentConfig):
    """Cameras that a SLAM system saved (``file``); without a file, DROID-SLAM runs.

    Reading. ``file``: what the system wrote (for a DROID-SLAM reconstruction or a COLMAP text model, its folder will
    do). ``format``: who wrote it; ``auto`` looks at what it holds. ``stride``: the system saw every ``stride``-th
    frame of the video (DROID-SLAM's own demo takes every third). ``first``: number of the frame of the video at
    which its first image was taken; for files that number their images, the number of the video's first frame.
    ``quaternion``: order of the four numbers; ``auto`` is x y z w, and refuses a file that looks otherwise.

    Running. ``env``: Python environment of DROID-SLAM (a path, ``conda:NAME``, ``here``) unless ``--env`` names one.
    ``repository``: folder of the DROID-SLAM checkout (or of a fork that takes masks). ``weights``: ``droid.pth``; by
    default the one that ``diffopt weights`` manages. ``buffer``:
    most keyframes, for who films for many minutes (each costs memory of the GPU).
    """

    licence: ClassVar[str] = "DROID-SLAM: code BSD-3-Clause (princeton-vl); its weights come from the same authors"
    builds: ClassVar[str] = "diffopt_cameras.droid.source:DroidCamera"
    retired: ClassVar = {"mask_people": True, "filter_thresh": 2.4}
    runs: ClassVar = frozenset({"env", "repository", "weights"})

    file: Path | None = None
    format: Format = "auto"
    stride: PositiveInt | None = None
    first: NonNegativeInt | None = None
    quaternion: Quaternion = "auto"
    env: str | None = None
    repository: Path | None = None
    weights: Path | None = None
    buffer: PositiveInt = 512

    def terms_of_use(self) -> str:
        """Those of DROID-SLAM where it runs; a file has those of its maker."""
        return "" if self.file else self.licence
