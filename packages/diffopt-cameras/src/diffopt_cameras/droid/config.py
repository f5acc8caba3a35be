"""Settings of the camera source ``droid``, and of those that read one system's cameras."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import NonNegativeInt, PositiveInt

Format = Literal[
    "auto", "droid", "droid-reconstruction", "dpvo", "wham", "tram", "gvhmr", "simplevo", "slahmr", "prompthmr",
    "colmap-text", "colmap-binary", "tum", "kitti", "nerfstudio", "arkit",
]  # fmt: skip
Quaternion = Literal["auto", "xyzw", "wxyz", "yzwx"]


class FileCameraConfig(ComponentConfig):
    """Cameras that a system saved.

    ``file``: what the system wrote, or its folder. ``stride``: the system saw every ``stride``-th frame of the video
    (DROID-SLAM's own demo takes every third). ``first``: number of the frame of the video at which its first image was
    taken; for files that number their images, the number of the video's first frame. ``quaternion``: order of the four
    numbers; ``auto`` is x y z w, and refuses a file that looks otherwise. ``direction``: of matrices whose key and
    file do not say it.
    """

    builds: ClassVar[str] = "diffopt_cameras.droid.source:FileCamera"
    #: The system, and what its file is usually called.
    name: ClassVar[str] = "droid"
    usual: ClassVar[str] = ""

    file: Path | None = None
    stride: PositiveInt | None = None
    first: NonNegativeInt | None = None
    quaternion: Quaternion = "auto"
    direction: Literal["auto", "c2w", "w2c"] = "auto"

    @property
    def form(self) -> str:
        """Who wrote the file."""
        return self.name

    def named_file(self) -> Path:
        """The file; MissingResource where none is named."""
        if self.file is None:
            raise MissingResource(f"camera '{self.name}' reads a file: --camera {self.name}=FILE ({self.usual})")
        return self.file.expanduser()


class DroidConfig(FileCameraConfig):
    """Cameras that any SLAM system saved (``file``, of whatever system); without a file, DROID-SLAM runs.

    Reading. ``format``: who wrote it; ``auto`` looks at what it holds. The others: as with any camera file.

    Running. ``env``: Python environment of DROID-SLAM (a path, ``conda:NAME``, ``here``) unless ``--env`` names one.
    ``repository``: folder of the DROID-SLAM checkout (or of a fork that takes masks). ``weights``: ``droid.pth``; by
    default the one that ``diffopt weights`` manages. ``buffer``:
    most keyframes, for who films for many minutes (each costs memory of the GPU).
    """

    licence: ClassVar[str] = "DROID-SLAM: code BSD-3-Clause (princeton-vl); its weights come from the same authors"
    builds: ClassVar[str] = "diffopt_cameras.droid.source:DroidCamera"
    retired: ClassVar = {"mask_people": True, "filter_thresh": 2.4}
    runs: ClassVar = frozenset({"env", "repository", "weights"})

    format: Format = "auto"
    env: str | None = None
    repository: Path | None = None
    weights: Path | None = None
    buffer: PositiveInt = 512

    @property
    def form(self) -> str:
        """Who wrote the file."""
        return self.format

    def terms_of_use(self) -> str:
        """Those of DROID-SLAM where it runs; a file has those of its maker."""
        return "" if self.file else self.licence
