"""Settings of the exporters, common and per format; joint names. No torch."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from diffopt_core.data.skeleton import JOINTS, NUM_JOINTS, PARENTS
from pydantic import Field

Names = Literal["smpl", "mixamo"]

#: Mixamo names of SMPL's joints, which retargeting tools know; the three spine joints and the collars correspond.
_MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase",
    "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hand": "HandMiddle1",
}  # fmt: skip


def joint_names(names: Names) -> tuple[str, ...]:
    """Names of the 24 joints, in SMPL's order."""
    return JOINTS if names == "smpl" else tuple(_mixamo(joint) for joint in JOINTS)


def depth_first() -> tuple[int, ...]:
    """Joints in depth-first order, as in a BVH hierarchy."""

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


class MotionOptions(ComponentConfig):
    """Options common to all formats; the defaults export the result unchanged."""

    fps: float | None = Field(default=None, ge=0.5, le=240.0, description="frames per second; null keeps the result's")
    up: Literal["auto", "y", "z"] = Field(default="auto", description="vertical axis; auto: the format's usual one")
    unit: Literal["auto", "m", "cm"] = Field(default="auto", description="unit of length; auto: the format's usual one")
    unseen: Literal["mark", "trim"] = Field(
        default="mark",
        description="frames before the person appears and after the person left: mark (valid, bridged), or trim them",
    )
    origin: bool = Field(default=False, description="start at the origin, facing forward (+z, or -y if z is up)")
    feet: Literal["auto", "always", "never", "ground"] = Field(
        default="never",
        description="lock feet in contact: auto (low and slow), always (low); ground: only set the clip on the floor",
    )


class SkinnedOptions(MotionOptions):
    """Additional options of GLB, USD and FBX."""

    names: Names = Field(default="smpl", description="names of the joints")
    mesh: Literal["body", "bones"] = Field(
        default="body",
        description="body: the body model's mesh (bones if it has none); bones: a simple mesh around the skeleton",
    )
    camera: bool = Field(default=True, description="also write the camera")


class AmassConfig(MotionOptions):
    """Z up and metres, as in AMASS; 156 pose columns, those of the fingers zero."""

    builds: ClassVar[str] = "diffopt_exports.amass:AmassExporter"

    gender: Literal["neutral", "female", "male"] | None = Field(
        default=None, description="gender stored in the file; null: the body model's"
    )
    body: Literal["own", "smpl", "smplx"] = Field(
        default="own",
        description="body model whose rest pelvis is subtracted in trans; smpl, smplx: the mean neutral shape",
    )
    betas: Literal["own", "zero"] = Field(default="own", description="own: the result's shape; zero: the mean shape")


class BvhConfig(MotionOptions):
    """Metres and Y up by default; the file's CHANNELS lines state the order of the angles."""

    builds: ClassVar[str] = "diffopt_exports.text:BvhExporter"

    names: Names = Field(default="smpl", description="names of the joints")
    order: Literal["auto", "zxy", "zyx", "xyz", "xzy", "yxz", "yzx"] = Field(
        default="auto",
        description="Euler angles: R is the product in this order, e.g. Rz Rx Ry; auto: zxy, except for joints whose "
        "angles would jump in it",
    )


class FbxConfig(SkinnedOptions):
    """Y up and centimetres (the unit that FBX readers assume) by default."""

    licence: ClassVar[str] = "written by Blender (GPL-3.0), which runs as a separate program and is not shipped"
    builds: ClassVar[str] = "diffopt_exports.fbx:FbxExporter"
    runs: ClassVar = frozenset({"env"})

    env: str | None = Field(
        default=None, description="where Blender's module bpy is: uv (built on demand), PATH; null: a blender on PATH"
    )


class GlbConfig(SkinnedOptions):
    """``up`` and ``unit`` have no effect: glTF is defined as Y up and metres, and readers convert it."""

    builds: ClassVar[str] = "diffopt_exports.glb:GlbExporter"


class CsvConfig(MotionOptions):
    """A row per frame: ``frame``, ``time`` (s), and x, y, z of each joint. Metres and Y up by default."""

    builds: ClassVar[str] = "diffopt_exports.text:CsvExporter"

    names: Names = Field(default="smpl", description="names of the joints")
    decimals: int = Field(default=6, ge=1, le=12, description="of every number")


class TrcConfig(CsvConfig):
    """Joints as markers, for OpenSim and other biomechanics. Metres and Y up, as in OpenSim's ground frame."""

    builds: ClassVar[str] = "diffopt_exports.text:TrcExporter"


class UsdConfig(SkinnedOptions):
    """``up`` and ``unit`` are also stored in the stage as ``upAxis`` and ``metersPerUnit``. Metres and Y up by
    default."""

    builds: ClassVar[str] = "diffopt_exports.usd:UsdExporter"

    packages: ClassVar = {
        "pxr": "exporter 'usd' needs the package usd-core (208 MB, TOST-1.0 licence), which is not installed: "
        'pip install "diffopt-exports[usd]", or pip install usd-core'
    }
