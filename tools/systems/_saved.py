"""Result files: random people are given to upstream's own saving code, cut out of its sources and run."""

from __future__ import annotations

import pickle
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from upstream import Place

from systems import _bodies

FRAMES = 20


def cut(file: Path, first: str, last: str) -> str:
    """The lines of a source from the one that has ``first`` to the next that has ``last``. Stops, saying so, if this
    commit has no such lines."""
    lines = file.read_text().splitlines()
    start = next((i for i, line in enumerate(lines) if first in line), None)
    end = None if start is None else next((i for i in range(start, len(lines)) if last in lines[i]), None)
    if start is None or end is None:
        raise SystemExit(f"{file}: no lines from {first!r} to {last!r}; this commit saves in another way: look at it")
    return textwrap.dedent("\n".join(lines[start : end + 1]))


def run(code: str, **names: Any) -> dict[str, Any]:
    """Run it with these names; what it leaves."""
    exec(compile(code, "upstream", "exec"), names)
    return names


def person(seed: int) -> dict[str, np.ndarray]:
    """A person who walks upright in a world with Y up, and a camera that turns: ``orient`` T 3 3, ``body`` T 23 3 3,
    ``pelvis`` T 3, ``betas`` 10, camera to world ``R`` T 3 3, ``t`` T 3; ``_cam``: the same in the camera's frame."""
    from scipy.spatial.transform import Rotation

    draw, time = np.random.default_rng(seed), np.linspace(0, 1, FRAMES)
    yaw = Rotation.from_rotvec(np.c_[0 * time, 0.4 + time, 0 * time])
    orient = (yaw * Rotation.from_rotvec(draw.normal(0, 0.05, (FRAMES, 3)))).as_matrix()
    body = Rotation.from_rotvec(draw.normal(0, 0.2, (FRAMES * 23, 3))).as_matrix().reshape(FRAMES, 23, 3, 3)
    body[:, 21:] = np.eye(3)  # hands: SMPL-X has others
    pelvis = np.c_[0.4 * time, 0.95 + 0.02 * np.sin(9 * time), 0.8 * time]
    turn = Rotation.from_rotvec(np.c_[0.1 * time, 0.2 * time, 0.03 * time]).as_matrix()
    R, t = turn @ np.diag([1.0, -1, -1]), np.c_[0.1 * time, 1.3 + 0 * time, 4 + 0.3 * time]
    inside = np.einsum("tji,tjk->tik", R, orient)
    there = np.einsum("tji,tj->ti", R, pelvis - t)
    return {
        "orient": orient, "body": body, "pelvis": pelvis, "betas": draw.normal(0, 1, 10), "R": R, "t": t,
        "orient_cam": inside, "pelvis_cam": there,
    }  # fmt: skip


def model(place: Place, kind: str) -> tuple[Path, np.ndarray]:
    """A body model file with random arrays, and its rest pelvis as a function of betas: 3 11 (the mean's first)."""
    file = place.folder / {"smpl": "SMPL_NEUTRAL.pkl", "smplx": "SMPLX_NEUTRAL.npz"}[kind]
    held = _bodies.arrays(kind, place.seed, 10)
    if kind == "smplx":
        np.savez(file, **held)
    else:
        with open(file, "wb") as out:
            pickle.dump(held, out, protocol=2)
    root = held["J_regressor"][0]
    return file, np.c_[root @ held["v_template"], np.einsum("v,vik->ik", root, held["shapedirs"])]


def rest(pelvis: np.ndarray, betas: np.ndarray) -> np.ndarray:
    return pelvis[:, 0] + pelvis[:, 1:] @ betas


def told(who: dict[str, np.ndarray], joints: int = 23) -> dict[str, np.ndarray]:
    """What a reader has to find, from the person that was saved."""
    return {
        **{f"{frame}/orient": who[f"orient{end}"] for frame, end in _FRAMES.items()},
        **{f"{frame}/pelvis": who[f"pelvis{end}"] for frame, end in _FRAMES.items()},
        "body_pose": who["body"][:, :joints],
        "betas": who["betas"],
    }


_FRAMES = {"world": "", "camera": "_cam"}


def converted(place: Place, file: Path, kind: str, joints: int = 23, cameras: bool = False) -> dict[str, np.ndarray]:
    """What ``diffopt convert`` reads from the file, in both frames."""
    import torch
    from diffopt_core.data.rotation import axis_angle_to_matrix

    def matrices(vectors: np.ndarray) -> np.ndarray:
        return axis_angle_to_matrix(torch.from_numpy(vectors).double()).numpy()

    found, smpl = {}, model(place, kind)[0]
    for frame in _FRAMES:
        out = place.folder / f"{frame}.npz"
        more = ["--camera-frame"] if frame == "camera" else []
        place.diffopt("convert", file, "--out", out, "--smpl", smpl, *more)
        with np.load(out) as held:
            found |= {f"{frame}/orient": matrices(held["global_orient"]), f"{frame}/pelvis": held["transl"]}
            found |= {"body_pose": matrices(held["body_pose"])[:, :joints], "betas": held["betas"].reshape(-1)}
            if cameras and frame == "world":
                found |= {"cam_R": held["cam_R"], "cam_t": held["cam_t"]}
    return found


def direction(who: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The cameras as we count them: world to camera."""
    back = who["R"].transpose(0, 2, 1)
    return {"cam_R": back, "cam_t": -np.einsum("tij,tj->ti", back, who["t"])}


METRES = {f"{frame}/pelvis": 1e-3 for frame in _FRAMES} | {"cam_t": 1e-3}
