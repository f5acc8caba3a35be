"""Settings of the camera source ``droid``, and of the sources that read the cameras of one system."""

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
    """Cameras saved by another system.

    ``file``: the system's output file, or its folder. ``stride``: the system used every ``stride``-th video frame
    (DROID-SLAM's own demo uses every third). ``first``: video frame of its first image; for files that number their
    images, the number of the first video frame. ``quaternion``: order of the four numbers; ``auto`` means x y z w and
    rejects a file that appears to differ. ``direction``: direction of matrices for which neither the key nor the file
    states one.
    """

    builds: ClassVar[str] = "diffopt_cameras.droid.source:FileCamera"
    #: The system, and the usual name of its file.
    name: ClassVar[str] = "droid"
    usual: ClassVar[str] = ""

    file: Path | None = None
    stride: PositiveInt | None = None
    first: NonNegativeInt | None = None
    quaternion: Quaternion = "auto"
    direction: Literal["auto", "c2w", "w2c"] = "auto"

    @property
    def form(self) -> str:
        """Name of the file's format."""
        return self.name

    def named_file(self) -> Path:
        """The file. Raises MissingResource if none was given."""
        if self.file is None:
            raise MissingResource(f"camera '{self.name}' reads a file: --camera {self.name}=FILE ({self.usual})")
        return self.file.expanduser()


class DroidConfig(FileCameraConfig):
    """Cameras saved by any SLAM system (``file``); without a file, DROID-SLAM runs.

    Reading. ``format``: the file's format; ``auto`` detects it from the content. Other settings: as for any camera
    file.

    Running. ``env``: Python environment of DROID-SLAM (a path, ``conda:NAME``, ``here``) unless ``--env`` names one.
    ``repository``: folder of the DROID-SLAM checkout (or of a fork that accepts masks). ``weights``: ``droid.pth``; by
    default the one that ``diffopt weights`` manages. ``buffer``: maximum number of keyframes; raise it for long videos
    (each takes GPU memory).
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
        """Name of the file's format."""
        return self.format

    def terms_of_use(self) -> str:
        """DROID-SLAM's terms if it runs; empty for a file, which has its author's terms."""
        return "" if self.file else self.licence
