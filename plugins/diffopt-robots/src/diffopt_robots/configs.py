"""Settings of the exporters. No torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import Field


class RobotConfig(ComponentConfig):
    """Axes and unit are the reader's; the rest may be asked for."""

    fps: float = Field(
        default=30.0, ge=0.5, le=240.0, description="frames per second; most readers take every N-th frame down to 30"
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
    """Z up, metres; root and 21 body joints, 10 betas. Less than 30 frames per second stop its reader."""

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


class G1Config(RobotConfig):
    """Joint angles of Unitree's G1 (29 degrees of freedom) by inverse kinematics; Z up. ``model``: its MuJoCo file."""

    builds: ClassVar[str] = "diffopt_robots.g1_files:G1Exporter"
    licence: ClassVar[str] = "the model of the G1 is Unitree's (BSD-3-Clause) and is not shipped"
    packages: ClassVar = {
        name: f"exporter 'g1' needs {name} (Apache-2.0), which is not installed: pip install 'diffopt-robots[g1]'"
        for name in ("mink", "mujoco", "daqp")
    }
    file: ClassVar[str] = "g1.csv"
    where: ClassVar[str] = (
        "name the G1's MuJoCo file (g1_29dof.xml of unitreerobotics/unitree_ros or unitree_mujoco, or g1.xml of "
        "google-deepmind/mujoco_menagerie; BSD-3-Clause) with --set g1.model=FILE, or in DIFFOPT_G1"
    )

    model: Path | None = Field(default=None, description="g1_29dof.xml; null: the environment variable DIFFOPT_G1")

    def found(self) -> Path:
        """The file; MissingResource where none is named."""
        said = self.model or os.environ.get("DIFFOPT_G1")
        if not said:
            raise MissingResource(f"exporter 'g1' has no model of the robot: {self.where}")
        return Path(said).expanduser()
