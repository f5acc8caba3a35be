"""Files of the G1's joint angles: CSV of Unitree and ProtoMotions, pickles of GMR and of motion libraries."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.npz import atomic
from diffopt_core.errors import MissingResource
from diffopt_core.interfaces import BuildContext
from scipy.spatial.transform import Rotation, Slerp

from .configs import G1Config
from .g1 import Solved, load, solve
from .motion import Moved, RobotExporter

#: Frames a second of ProtoMotions' CSV; joints of the 23 that PBHC's motion library has (wrists aside).
_FINE, _LIBRARY = 120.0, [*range(19), *range(22, 26)]


class G1Exporter(RobotExporter[G1Config]):
    """``g1.csv``, ``g1_protomotions.csv``, ``g1_gmr.pkl`` and ``g1_motionlib.pkl``."""

    def __init__(self, config: G1Config, ctx: BuildContext):
        super().__init__(config, ctx)
        path = config.found()
        if not path.is_file():
            raise MissingResource(f"no file at '{path}': {G1Config.where}")
        self._model = load(path)

    def write(self, path: Path, moved: Moved) -> tuple[list[Path], dict[str, Any]]:
        solved = solve(moved, self._model)
        with atomic(path) as file:
            np.savetxt(file, np.c_[solved.root, solved.turn, solved.angles], "%.6f", ",")
        fine, gmr, library = (path.with_name(f"g1_{name}") for name in ("protomotions.csv", "gmr.pkl", "motionlib.pkl"))
        with atomic(fine) as file:
            file.write((",".join(_heads(solved)) + "\n").encode())
            np.savetxt(file, _protomotions(solved, moved.fps), ["%d", *["%.5f"] * (6 + len(solved.names))], ",")
        _dump(gmr, {"fps": float(moved.fps), "root_pos": solved.root, "root_rot": solved.turn,
                    "dof_pos": solved.angles, "local_body_pos": None, "link_body_list": None})  # fmt: skip
        _dump(library, {str(moved.words["name"]): _motion(solved, moved)})
        return [path, fine, gmr, library], {"joints": list(solved.names), **solved.facts}


def _heads(solved: Solved) -> list[str]:
    root = [f"root_{kind}{axis}" for kind in ("translate", "rotate") for axis in "XYZ"]
    return ["Frame", *root, *(f"{name}_dof" for name in solved.names)]


def _protomotions(solved: Solved, fps: float) -> np.ndarray:
    """Frame, cm, degrees (extrinsic x y z), degrees, at 120 frames a second."""
    frames = len(solved.root)
    at = np.arange(int((frames - 1) * _FINE / fps + 1e-6) + 1) * fps / _FINE
    known = np.arange(frames)
    turns = Rotation.from_quat(solved.turn)
    turned = (Slerp(known, turns)(np.minimum(at, frames - 1)) if frames > 1 else turns).as_euler("xyz", degrees=True)
    rest = np.c_[100 * solved.root, np.rad2deg(solved.angles)]
    rest = np.stack([np.interp(at, known, column) for column in rest.T], axis=1)
    return np.c_[np.arange(len(at)), rest[:, :3], turned, rest[:, 3:]]


def _motion(solved: Solved, moved: Moved) -> dict[str, Any]:
    """As PHC, ASAP and PBHC keep one: 23 joints, single precision."""
    dof, axes = solved.angles[:, _LIBRARY], solved.axes[_LIBRARY]
    root = Rotation.from_quat(solved.turn).as_rotvec()[:, None]
    pose = np.concatenate([root, axes * dof[..., None], np.zeros((len(dof), 3, 3))], axis=1)
    contact = moved.marks.get("contact", np.zeros((len(dof), 4), bool))
    feet = contact[:, :2] | contact[:, 2:]
    arrays = {
        "root_trans_offset": solved.root, "pose_aa": pose, "dof": dof, "root_rot": solved.turn,
        "smpl_joints": moved.joints(), "contact_mask": feet,
    }  # fmt: skip
    return {**{key: np.asarray(value, np.float32) for key, value in arrays.items()}, "fps": round(moved.fps)}


def _dump(path: Path, held: dict[str, Any]) -> None:
    with atomic(path) as file:
        pickle.dump(held, file, protocol=4)
