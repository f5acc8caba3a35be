"""``lafan1.bvh``: names, order, bone axes and unit of Ubisoft's LAFAN1, which retargeters are tuned to.

A bone of LAFAN1 has its own x along it. A tool that reads orientations, and not places alone, relies on that.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.npz import atomic
from diffopt_core.data.skeleton import JOINT, PARENTS
from scipy.spatial.transform import Rotation

from .configs import Lafan1Config
from .motion import SHARED, Moved, RobotExporter

_SIDE = ("UpLeg:hip", "Leg:knee", "Foot:ankle", "Toe:foot")
_ARM = ("Shoulder:collar", "Arm:shoulder", "ForeArm:elbow", "Hand:wrist")
_TRUNK = {"Spine": "spine1", "Spine1": "spine2", "Spine2": "spine3", "Neck": "neck", "Head": "head"}


def _limb(side: str, parts: tuple[str, ...]) -> dict[str, int]:
    pairs = (part.split(":") for part in parts)
    return {f"{side}{bone}": JOINT[f"{side.lower()}_{joint}"] for bone, joint in pairs}


#: Bone -> SMPL's joint, in the order of LAFAN1's files.
BONES: dict[str, int] = {
    "Hips": JOINT["pelvis"], **_limb("Left", _SIDE), **_limb("Right", _SIDE),
    **{bone: JOINT[joint] for bone, joint in _TRUNK.items()}, **_limb("Left", _ARM), **_limb("Right", _ARM),
}  # fmt: skip

#: Axes x, y, z of the bones in the T pose (columns; x to the left, y up, z forward).
_UP = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float64)
_LEG = np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0]], np.float64)
_TOE = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]], np.float64)
_LEFT_ARM = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float64)
_RIGHT_ARM = np.array([[-1, 0, 0], [0, 0, -1], [0, -1, 0]], np.float64)
#: Z up to Y up.
_Y_FROM_Z = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float64)


def axes_of(rest: np.ndarray) -> np.ndarray:
    """(22, 3, 3), in SMPL's order, for a T pose (24, 3); a foot's x goes from the ankle to the ball."""
    axes = np.tile(_UP, (SHARED, 1, 1))
    for bone, joint in BONES.items():
        if bone.endswith(("UpLeg", "Leg")):
            axes[joint] = _LEG
        elif bone.endswith("Toe"):
            axes[joint] = _TOE
        elif bone.endswith(("Shoulder", "Arm", "Hand")):
            axes[joint] = _LEFT_ARM if bone.startswith("Left") else _RIGHT_ARM
        elif bone.endswith("Foot"):
            along = (rest[JOINT[f"{bone[:-4].lower()}_foot"]] - rest[joint]) * [0, 1, 1]
            along /= np.linalg.norm(along)
            right = np.array([-1.0, 0.0, 0.0])
            axes[joint] = np.stack([along, np.cross(right, along), right], axis=1)
    return axes


class Lafan1Exporter(RobotExporter[Lafan1Config]):
    """``lafan1.bvh``."""

    def write(self, path: Path, moved: Moved) -> tuple[list[Path], dict[str, Any]]:
        rest = moved.figure.rest.double().numpy()
        axes, turns = axes_of(rest), moved.turns().numpy()
        local = np.empty_like(turns)
        offsets = np.zeros((SHARED, 3))
        for joint in range(SHARED):
            parent = PARENTS[joint]
            before = _Y_FROM_Z if parent < 0 else axes[parent].T
            local[:, joint] = before @ turns[:, joint] @ axes[joint]
            if parent >= 0:
                offsets[joint] = 100 * axes[parent].T @ (rest[joint] - rest[parent])
        order = list(BONES.values())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # gimbal lock: the third angle is free, and set to zero
            angles = Rotation.from_matrix(local[:, order].reshape(-1, 3, 3)).as_euler("ZYX", degrees=True)
        angles = np.unwrap(angles.reshape(len(turns), -1), period=360.0, axis=0)
        rows = np.c_[100 * moved.pelvis @ _Y_FROM_Z.T, angles]
        with atomic(path) as file:
            file.write(_head(offsets, len(rows), moved.fps).encode())
            np.savetxt(file, rows, "%.6f", " ")
        said = {"axes": "right-handed, y up; a body that faces +z has its left on +x", "unit": "cm"}
        return [path], {**said, "euler": "degrees, intrinsic: R = Rz Ry Rx", "bones": "x along the bone, as in LAFAN1"}


def _head(offsets: np.ndarray, frames: int, fps: float) -> str:
    lines = ["HIERARCHY", *_bone("Hips", offsets, ""), "MOTION", f"Frames: {frames}", f"Frame Time: {1 / fps:.8f}"]
    return "\n".join(lines) + "\n"


def _bone(name: str, offsets: np.ndarray, pad: str) -> list[str]:
    """The lines of a bone and of all below it."""
    joint = BONES[name]
    children = [bone for bone, each in BONES.items() if PARENTS[each] == joint]
    place = "Xposition Yposition Zposition " if joint == 0 else ""
    lines = [
        f"{pad}{'JOINT' if joint else 'ROOT'} {name}", f"{pad}{{", f"{pad}\tOFFSET {_three(offsets[joint])}",
        f"{pad}\tCHANNELS {6 if joint == 0 else 3} {place}Zrotation Yrotation Xrotation",
    ]  # fmt: skip
    for child in children:
        lines += _bone(child, offsets, f"{pad}\t")
    if not children:  # as long as half of the bone before
        end = np.array([0.5 * float(np.linalg.norm(offsets[joint])), 0.0, 0.0])
        lines += [f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\tOFFSET {_three(end)}", f"{pad}\t}}"]
    return [*lines, f"{pad}}}"]


def _three(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)
