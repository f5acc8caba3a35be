"""Files of arrays: for GMR, PHC, ASAP, PBHC, ProtoMotions and holosoma. Layouts are read off their readers' source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.common.npz import atomic, write_npz
from diffopt_core.parts.bodies import anny24
from diffopt_core.results.saved import Figure, body_surface

from .configs import GmrConfig, HolosomaConfig, PhcConfig, ProtoConfig
from .lafan1 import BONES
from .motion import SHARED, Moved, RobotExporter

#: Columns of SMPL-X (55 joints) and SMPL-H (52) as AMASS has them; hands, jaw and eyes are zero.
_SMPLX, _SMPLH = 165, 156


class GmrExporter(RobotExporter[GmrConfig]):
    """``gmr.npz``."""

    def write(self, path: Path, moved: Moved) -> tuple[list[Path], dict[str, Any]]:
        poses, frames = _wide(moved, _SMPLX), len(moved.poses)
        own = {
            "surface_model_type": np.array("smplx"), "num_betas": np.array(len(moved.betas)),
            "root_orient": poses[:, :3], "pose_body": poses[:, 3:66], "pose_jaw": np.zeros((frames, 3)),
            "pose_eye": np.zeros((frames, 6)), "pose_hand": np.zeros((frames, 90)),
            "mocap_frame_rate": moved.rate, "mocap_framerate": moved.rate,
        }  # fmt: skip
        write_npz(path, _common(moved, moved.trans) | {"poses": poses, "betas": moved.betas} | own)
        return [path], {"read_as": "python scripts/smplx_to_robot.py --smplx_file gmr.npz"}


class SmplExporter(RobotExporter[PhcConfig]):
    """``phc.npz`` and ``pbhc.npz``."""

    def write(self, path: Path, moved: Moved) -> tuple[list[Path], dict[str, Any]]:
        own = {"poses": moved.poses, "betas": moved.betas[:10], "mocap_framerate": moved.rate}
        write_npz(path, _common(moved, moved.trans) | own)
        return [path], {"floor": "its reader sets the lowest vertex of the first frame on z = 0"}


class ProtoExporter(RobotExporter[ProtoConfig]):
    """``protomotions.npz``."""

    def write(self, path: Path, moved: Moved) -> tuple[list[Path], dict[str, Any]]:
        own = {"poses": _wide(moved, _SMPLH), "betas": moved.betas, "mocap_framerate": moved.rate}
        write_npz(path, _common(moved, moved.pelvis) | own | {"dmpls": np.zeros((len(moved.poses), 8))})
        return [path], {"trans": "the pelvis joint, which the reader takes for the root's place"}


class HolosomaExporter(RobotExporter[HolosomaConfig]):
    """``holosoma.npz`` and ``holosoma.npy``."""

    def write(self, path: Path, moved: Moved) -> tuple[list[Path], dict[str, Any]]:
        joints = moved.joints()
        write_npz(path, {"global_joint_positions": joints, "height": np.array(stature(moved.figure)), **moved.marks})
        x, y, z = np.moveaxis(joints[:, list(BONES.values())], -1, 0)
        flat = path.with_suffix(".npy")
        with atomic(flat) as file:
            np.lib.format.write_array(file, np.stack([x, z, -y], axis=-1), allow_pickle=False)
        return [path, flat], {"read_as": "--data_format smplx (the .npz) or lafan (the .npy: Y up, LAFAN1's order)"}


def stature(figure: Figure) -> float:
    """Height of the body in its rest pose, m; of a bare skeleton as much taller than it as the embedded body is."""
    if figure.mesh is not None:
        return float(np.ptp(body_surface(figure.mesh, figure.betas).vertices[:, 1]))
    body, mean = anny24.load(), torch.zeros(10)
    own = float(np.ptp(body_surface(body, mean).vertices[:, 1])) / _span(body.rest_joints(mean[None])[0])
    return own * _span(figure.rest)


def _span(rest: torch.Tensor) -> float:
    return float(rest[:, 1].max() - rest[:, 1].min())


def _common(moved: Moved, trans: np.ndarray) -> dict[str, np.ndarray]:
    return {"trans": trans, "gender": np.array(moved.gender), **moved.marks}


def _wide(moved: Moved, columns: int) -> np.ndarray:
    whole = np.zeros((len(moved.poses), columns))
    whole[:, : 3 * SHARED] = moved.poses
    return whole
