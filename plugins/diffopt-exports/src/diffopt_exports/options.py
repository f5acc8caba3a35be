"""What may be asked of every format (rate, axes, unit, start, feet), and the names of the joints in files."""

from __future__ import annotations

from typing import Literal

from diffopt_core.config import ComponentConfig
from diffopt_core.data.skeleton import JOINTS, NUM_JOINTS, PARENTS
from pydantic import Field

Names = Literal["smpl", "mixamo"]

#: SMPL's joints under the names that retargeting tools know from Mixamo; its three vertebrae and collars fit.
_MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase",
    "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hand": "HandMiddle1",
}  # fmt: skip


def joint_names(names: Names) -> tuple[str, ...]:
    """Names of the 24 joints, in SMPL's order."""
    return JOINTS if names == "smpl" else tuple(_mixamo(joint) for joint in JOINTS)


def depth_first() -> tuple[int, ...]:
    """Joints in the order in which a file with nested braces lists them."""

    def below(joint: int) -> list[int]:
        children = [child for child in range(NUM_JOINTS) if PARENTS[child] == joint]
        return [joint, *(each for child in children for each in below(child))]

    return tuple(below(0))


def paths(names: Names) -> tuple[str, ...]:
    """``pelvis/left_hip/left_knee``: each joint with its ancestors."""
    own, found = joint_names(names), list[str]()
    for joint, parent in enumerate(PARENTS):
        found.append(own[joint] if parent < 0 else f"{found[parent]}/{own[joint]}")
    return tuple(found)


def _mixamo(joint: str) -> str:
    side, _, part = joint.partition("_")
    return f"mixamorig:{side.capitalize()}{_MIXAMO[part]}" if part else f"mixamorig:{_MIXAMO[joint]}"


Up = Literal["auto", "y", "z"]
Unit = Literal["auto", "m", "cm"]
Feet = Literal["auto", "always", "never", "ground"]


class MotionOptions(ComponentConfig):
    """Options common to all formats; what is left alone gives the result as it is."""

    fps: float | None = Field(default=None, ge=0.5, le=240.0, description="frames a second; null keeps the result's")
    up: Up = Field(default="auto", description="vertical axis; auto: what the format's readers expect")
    unit: Unit = Field(default="auto", description="of lengths; auto: what the format's readers expect")
    origin: bool = Field(default=False, description="start over the origin, facing forward (+z, or -y where z is up)")
    feet: Feet = Field(
        default="never",
        description="lock feet that are in contact: auto (low and slow), always (low); ground: set on the floor only",
    )
