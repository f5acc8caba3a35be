"""Settings of the camera sources. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

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


class ResultConfig(ComponentConfig):
    """``file``: the folder of a finished result of the same frames of the same file."""

    builds: ClassVar[str] = "diffopt_cameras.result:SolvedCamera"

    file: Path | None = None


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


class ColmapConfig(FileCameraConfig):
    """With ``file``, a model is read (its folder, text or binary; ``stride`` and ``first`` as for any camera file).
    Without it, pycolmap runs. ``features = tracks`` gives it our own tracks between key frames, which avoid false
    matches between similar objects; ``sift`` lets it detect and match features itself, with people masked out. ``mapper
    = auto``: global on tracks, where it is faster; incremental on SIFT, where the global mapper may take more than an
    hour."""

    licence: ClassVar[str] = "pycolmap: BSD-3-Clause"
    name: ClassVar[str] = "colmap"
    usual: ClassVar[str] = "the folder of a model, such as sparse/0"
    retired: ClassVar = {"refine_focal": False, "explained": 0.1, "registered": 0.3, "minutes": 20.0}

    features: Literal["tracks", "sift"] = "tracks"
    mapper: Literal["auto", "global", "incremental"] = "auto"
    longest: int = Field(960, ge=160, description="px, longest side of the images given to pycolmap")
    points: int = Field(500, ge=50, description="points tracked per frame (features=tracks)")
    sift_features: int = Field(2048, ge=100, description="features per image (features=sift)")
    at_most: int = Field(120, ge=3, description="most images used (features=sift), spread evenly over the clip")
    overlap: int = Field(
        8, ge=1, description="images before and after each image that it is matched with (features=sift)"
    )
    fewest_points: int = Field(100, ge=20, description="fewest triangulated points for the result to be accepted")
    threads: int = Field(-1, description="CPU threads; -1: one per core")

    def target(self) -> str:
        """Import path of the model reader, or of the class that runs pycolmap."""
        return self.builds if self.file else "diffopt_cameras.colmap.source:ColmapCamera"


class KltConfig(ComponentConfig):
    """``mapper = auto`` uses the first model that fits: static, rotation, zoom, odometry. ``colmap`` does the
    same with pycolmap before odometry. Any other value uses that model, or fails if it does not fit. Px refer to a
    longest side of 960."""

    builds: ClassVar[str] = "diffopt_cameras.klt:KltCamera"
    retired: ClassVar = {
        "explained": 0.1, "fewest_tracks": 30, "parallax": 1.0, "registered": 0.5, "focal_error": 0.1,
    }  # fmt: skip

    mapper: Literal["auto", "static", "rotation", "zoom", "odometry", "colmap"] = "auto"
    longest: int = Field(960, ge=160, description="px, longest side at which points are tracked")
    points: int = Field(500, ge=50, description="points tracked per frame")
    still: PositiveFloat = Field(0.7, description="px: background flow up to which the camera counts as static")
    small: PositiveFloat = Field(1.0, description="px: residual at which a rotation always counts as a fit")
    fewest_points: int = Field(100, ge=20, description="fewest triangulated points for a moving camera")
    residual: PositiveFloat = Field(1.0, description="px: largest reprojection error for a moving camera")


class StaticCameraConfig(ComponentConfig):
    """Background flow (px per second, at a longest side of 960) up to ``still`` is accepted, up to 3 px with a warning;
    above that it is an error unless ``force`` is set."""

    builds: ClassVar[str] = "diffopt_cameras.standstill:StaticCamera"
    retired: ClassVar = {"refuse": 3.0}

    still: PositiveFloat = Field(0.7, description="px at 960, background flow up to which the camera counts as static")
    force: bool = Field(False, description="use a static camera even if the images show motion")
    longest: int = Field(640, ge=160, description="px, longest side of the images used for the check")
