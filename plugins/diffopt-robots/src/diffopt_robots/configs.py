"""Settings of the exporters. No torch."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from pydantic import Field


class RobotConfig(ComponentConfig):
    """Axes and unit are the reader's; the rest may be asked for."""

    fps: float = Field(
        default=30.0, ge=0.5, le=240.0, description="frames a second; most readers take every N-th frame down to 30"
    )
    origin: bool = Field(default=False, description="start over the origin, facing forward")
    feet: Literal["auto", "always", "never", "ground"] = Field(
        default="ground", description="ground: set the clip on the floor; auto, always: hold standing feet; never"
    )

    #: The file; the body of which SMPL's ``trans`` is said.
    file: ClassVar[str]
    body: ClassVar[Literal["smpl", "smplx"]] = "smpl"


class GmrConfig(RobotConfig):
    """Z up, metres, the mean shape of SMPL-X; both AMASS spellings in one file."""

    builds: ClassVar[str] = "diffopt_robots.arrays:GmrExporter"
    file: ClassVar[str] = "gmr.npz"
    body: ClassVar[Literal["smpl", "smplx"]] = "smplx"


class Lafan1Config(RobotConfig):
    """Y up, centimetres; bones, their axes and the order of angles as in LAFAN1."""

    builds: ClassVar[str] = "diffopt_robots.lafan1:Lafan1Exporter"
    file: ClassVar[str] = "lafan1.bvh"


class PhcConfig(RobotConfig):
    """Z up, metres; root and 21 body joints, 10 betas. Less than 30 frames a second stop its reader."""

    builds: ClassVar[str] = "diffopt_robots.arrays:SmplExporter"
    file: ClassVar[str] = "phc.npz"


class PbhcConfig(PhcConfig):
    """As ``phc``, under another name."""

    file: ClassVar[str] = "pbhc.npz"


class ProtoConfig(RobotConfig):
    """Z up, metres, SMPL-H's 156 columns; ``trans`` is the pelvis, which its reader takes it for."""

    builds: ClassVar[str] = "diffopt_robots.arrays:ProtoExporter"
    file: ClassVar[str] = "protomotions.npz"


class HolosomaConfig(RobotConfig):
    """Joints in the world: ``holosoma.npz`` for its format smplx (Z up), ``holosoma.npy`` for lafan (Y up); metres."""

    builds: ClassVar[str] = "diffopt_robots.arrays:HolosomaExporter"
    file: ClassVar[str] = "holosoma.npz"
