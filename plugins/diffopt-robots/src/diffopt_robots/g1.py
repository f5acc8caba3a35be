"""Unitree's G1 by inverse kinematics: joint angles within their limits that bring its links to their targets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mink
import mujoco
import numpy as np
from diffopt_core.common.progress import track
from diffopt_core.errors import BadInput

from .g1_targets import SIDES, SOLE, Targets, link_names, targets_of
from .motion import Moved

#: Hinge joints of the model.
DOF = 29
#: Costs of place and orientation by link; the place of a foot in contact has the largest.
_COSTS = {
    "pelvis": (10.0, 4.0), "torso_link": (0.0, 4.0), "knee_link": (4.0, 0.0), "ankle_roll_link": (20.0, 4.0),
    "elbow_link": (4.0, 0.0), "wrist_yaw_link": (4.0, 0.0),
}  # fmt: skip
_STANDING = 200.0
#: Most steps per frame (and for the first one), the change of the error that ends them, and damping.
_STEPS, _FIRST, _DONE, _DAMPING = 30, 200, 1e-5, 1e-3


@dataclass(frozen=True)
class Solved:
    """``root`` (T, 3) m, ``turn`` (T, 4) xyzw, ``angles`` (T, 29) rad in the model's order, ``names`` of the joints;
    ``links``: link -> (T, 3), m, world, Z up; ``facts``: how well it went, plain data."""

    root: np.ndarray
    turn: np.ndarray
    angles: np.ndarray
    names: tuple[str, ...]
    axes: np.ndarray
    links: dict[str, np.ndarray]
    facts: dict[str, Any]


def load(path: Path) -> mujoco.MjModel:
    """The model. Raises BadInput for a file that MuJoCo cannot read, or that is no G1 of 29 degrees of freedom."""
    try:
        model = mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise BadInput(path, "model", " ".join(str(error).split())[:300]) from error
    hinges = int((model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE).sum())
    free = model.njnt > 0 and model.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE
    if not free or hinges != DOF or model.njnt != DOF + 1:
        raise BadInput(path, "model", f"has {hinges} hinge joints; expected a floating base and the G1's {DOF}")
    known = {model.body(n).name for n in range(model.nbody)}
    if lacking := [name for name in link_names() if name not in known]:
        raise BadInput(path, lacking[0], "is no link of this model; expected Unitree's names")
    return model


def solve(moved: Moved, model: mujoco.MjModel) -> Solved:
    """Frame after frame, each from the one before."""
    targets, configuration = targets_of(moved, model), mink.Configuration(model)
    tasks = {}
    for name in {*targets.places, *targets.turns}:
        place, turn = _COSTS[name.removeprefix("left_").removeprefix("right_")]
        tasks[name] = mink.FrameTask(name, "body", place, turn, lm_damping=1e-3)
    limits = [mink.ConfigurationLimit(model)]
    frames, rows = len(moved.poses), list[np.ndarray]()
    links: dict[str, list[np.ndarray]] = {name: [] for name in link_names()}
    start = configuration.data.qpos.copy()
    start[:3] = targets.places["pelvis"][0]
    start[3:7] = mink.SO3.from_matrix(targets.turns["pelvis"][0]).wxyz
    configuration.update(start)
    with track("robot", frames) as update:
        for frame in range(frames):
            _aim(tasks, targets, frame)
            _descend(configuration, list(tasks.values()), limits, _STEPS if frame else _FIRST)
            rows.append(configuration.data.qpos.copy())
            for name, seen in links.items():
                seen.append(configuration.data.body(name).xpos.copy())
            update(frame + 1)
    found, q = {name: np.array(seen) for name, seen in links.items()}, np.array(rows)
    names = tuple(model.joint(n).name for n in range(1, DOF + 1))
    facts = _facts(found, targets, q[:, 7:], model)
    return Solved(q[:, :3], q[:, [4, 5, 6, 3]], q[:, 7:], names, model.jnt_axis[1:].copy(), found, facts)


def _aim(tasks: dict[str, mink.FrameTask], targets: Targets, frame: int) -> None:
    for name, task in tasks.items():
        place = targets.places[name][frame] if name in targets.places else np.zeros(3)
        turn = targets.turns[name][frame] if name in targets.turns else np.eye(3)
        task.set_target(mink.SE3.from_rotation_and_translation(mink.SO3.from_matrix(turn), place))
        if name.endswith("ankle_roll_link"):
            stands = targets.stands[frame, SIDES.index(name.split("_")[0])]
            task.set_position_cost(_STANDING if stands else _COSTS["ankle_roll_link"][0])


def _descend(configuration: mink.Configuration, tasks: list[Any], limits: list[Any], steps: int) -> None:
    """Gauss-Newton steps within the limits, until the weighted error no longer falls."""
    before = np.inf
    for _ in range(steps):
        change = mink.solve_ik(configuration, tasks, 1.0, "daqp", _DAMPING, limits=limits)
        configuration.integrate_inplace(change, 1.0)
        error = sum(float(np.linalg.norm(task.cost * task.compute_error(configuration))) for task in tasks)
        if before - error < _DONE * max(error, 1e-9):
            return
        before = error


def _facts(links: dict[str, np.ndarray], targets: Targets, angles: np.ndarray, model: mujoco.MjModel) -> dict[str, Any]:
    """Tracking error, standing feet and limits."""
    off = {name: np.linalg.norm(links[name] - place, axis=-1) for name, place in targets.places.items()}
    feet = np.stack([links[f"{side}_ankle_roll_link"] for side in SIDES], axis=1)
    both = targets.stands[1:] & targets.stands[:-1]
    way = np.linalg.norm(np.diff(feet[..., :2], axis=0), axis=-1)
    low, high = model.jnt_range[1:].T
    over = np.maximum(np.maximum(low - angles, angles - high), 0.0)
    return {
        "tracking_error_mm": round(1e3 * float(np.mean(list(off.values()))), 2),
        "tracking_error_by_link_mm": {name: round(1e3 * float(each.mean()), 1) for name, each in off.items()},
        "standing_feet_off_the_floor_max_mm": _mm(np.abs(feet[..., 2] - SOLE)[targets.stands], np.max),
        "foot_skate_mm_per_frame": _mm(way[both], np.mean),
        "limits_broken_rad": round(float(over.max()), 6),
        "frames_at_a_limit": round(float((np.minimum(angles - low, high - angles) < 1e-3).any(1).mean()), 3),
    }


def _mm(values: np.ndarray, of: Any) -> float | None:
    return round(1e3 * float(of(values)), 3) if len(values) else None
