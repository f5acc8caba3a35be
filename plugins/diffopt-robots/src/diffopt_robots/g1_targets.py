"""Where the G1's links should be for a person's motion: bone directions of the person at the lengths of the robot, so
that a limb that can be reached is reached. The path of the hips is scaled by the length of the legs. A foot in contact
stays at one place, its sole on the floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from diffopt_core.data.contact import runs
from diffopt_core.data.skeleton import JOINT, PARENTS
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from .motion import Moved

#: m from ankle_roll_link down to its lowest collision points.
SOLE = 0.035
SIDES = ("left", "right")
#: The robot's axes (x forward, y left, z up) in SMPL's T pose (x left, y up, z forward), as columns.
_FORWARD = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float64)
#: Time in which a foot comes to its place and leaves it, s.
_EASE = 0.12
#: Share of its length to which a standing leg is stretched; beyond that the pelvis sinks.
_REACH = 0.99
#: A foot that would be moved further than this is not in contact, m.
_FURTHEST = 0.15


def link_names() -> list[str]:
    limbs = ("hip_roll_link", "knee_link", "ankle_roll_link", "shoulder_roll_link", "elbow_link", "wrist_yaw_link")
    return ["pelvis", "torso_link", *(f"{side}_{limb}" for side in SIDES for limb in limbs)]


@dataclass(frozen=True)
class Targets:
    """Link -> places (T, 3), m, and link -> orientations (T, 3, 3). ``stands`` (T, 2): left and right foot."""

    places: dict[str, np.ndarray]
    turns: dict[str, np.ndarray]
    stands: np.ndarray


@dataclass(frozen=True)
class _Person:
    """``at``: joint -> (T, 3), m, Z up; ``turns`` (T, 22, 3, 3) in the world; ``hips`` (T, 3): their middle at the
    robot's size, over its floor; ``scale``: length of the robot's leg over the person's."""

    at: dict[str, np.ndarray]
    turns: np.ndarray
    hips: np.ndarray
    scale: float

    def axes(self, joint: str) -> np.ndarray:
        """(T, 3, 3) of a joint, as the robot's links have them."""
        return self.turns[:, JOINT[joint]] @ _FORWARD

    def bone(self, side: str, upper: str, lower: str) -> np.ndarray:
        """(T, 3) unit vectors along a bone."""
        along = self.at[f"{side}_{lower}"] - self.at[f"{side}_{upper}"]
        return along / np.linalg.norm(along, axis=-1, keepdims=True)


def targets_of(moved: Moved, model: mujoco.MjModel) -> Targets:
    """Where the links should be, for a motion that is Z up on the floor."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    rest, stands = {name: data.body(name).xpos.copy() for name in link_names()}, _stands(moved)
    person = _person(moved, rest, stands)
    pelvis, torso = person.axes("pelvis"), person.axes("spine3")
    hips = {side: rest[f"{side}_hip_roll_link"] - rest["pelvis"] for side in SIDES}
    root = person.hips - pelvis @ (0.5 * (hips["left"] + hips["right"]))
    places, turns, sink = _legs(person, rest, {side: root + pelvis @ hips[side] for side in SIDES}, stands, moved.fps)
    root = root - sink
    waist = root + pelvis @ (rest["torso_link"] - rest["pelvis"])
    arms = _arms(person, rest, waist, torso)
    return Targets({"pelvis": root, **places, **arms}, {"pelvis": pelvis, "torso_link": torso, **turns}, stands)


def _person(moved: Moved, rest: dict[str, np.ndarray], stands: np.ndarray) -> _Person:
    joints = moved.joints()
    at = {name: joints[:, n] for name, n in JOINT.items() if n < joints.shape[1]}
    scale = sum(_leg(rest)) / (_length(moved, "hip", "knee") + _length(moved, "knee", "ankle"))
    ankles = np.stack([at[f"{side}_ankle"][:, 2] for side in SIDES], axis=1)
    low = float(np.median(ankles[stands])) if stands.any() else float(np.quantile(ankles, 0.05))
    hips = 0.5 * scale * (at["left_hip"] + at["right_hip"]) + [0.0, 0.0, SOLE - scale * low]
    return _Person(at, _world(moved.turns().numpy()), hips, scale)


def _legs(
    person: _Person, rest: dict[str, np.ndarray], hips: dict[str, np.ndarray], stands: np.ndarray, fps: float
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Places of knees and ankles, orientations of the feet, and by how much the pelvis has to sink (T, 3) so that
    standing feet can be reached. The robot's hips are wider than a person's: its feet keep the person's width."""
    thigh, shank = _leg(rest)
    places, turns, far = dict[str, np.ndarray](), dict[str, np.ndarray](), np.zeros(len(person.hips))
    middle = 0.5 * (person.at["left_hip"] + person.at["right_hip"])
    for n, side in enumerate(SIDES):
        narrow = hips[side] - person.hips - person.scale * (person.at[f"{side}_hip"] - middle)
        knee = hips[side] + thigh * person.bone(side, "hip", "knee")
        ankle = knee + shank * person.bone(side, "knee", "ankle") - narrow
        ankle, foot = _held(ankle, person.axes(f"{side}_ankle"), stands[:, n], fps)
        off = hips[side] - ankle
        high = np.sqrt(np.maximum((_REACH * (thigh + shank)) ** 2 - (off[:, :2] ** 2).sum(1), 0.0))
        far = np.maximum(far, np.where(stands[:, n], off[:, 2] - high, 0.0))
        places |= {f"{side}_knee_link": knee - 0.5 * narrow, f"{side}_ankle_roll_link": ankle}
        turns[f"{side}_ankle_roll_link"] = foot
    window = max(round(_EASE * fps), 1)
    sink = np.zeros_like(person.hips)
    sink[:, 2] = gaussian_filter1d(maximum_filter1d(far, 2 * window + 1), window / 2)
    for side in SIDES:
        places[f"{side}_knee_link"] = places[f"{side}_knee_link"] - 0.5 * sink
    return places, turns, sink


def _arms(person: _Person, rest: dict[str, np.ndarray], waist: np.ndarray, torso: np.ndarray) -> dict[str, np.ndarray]:
    places = dict[str, np.ndarray]()
    for side in SIDES:
        shoulder = waist + torso @ (rest[f"{side}_shoulder_roll_link"] - rest["torso_link"])
        elbow = shoulder + person.bone(side, "shoulder", "elbow") * _between(rest, "shoulder_roll", "elbow")
        wrist = elbow + person.bone(side, "elbow", "wrist") * _between(rest, "elbow", "wrist_yaw")
        places |= {f"{side}_elbow_link": elbow, f"{side}_wrist_yaw_link": wrist}
    return places


def _world(local: np.ndarray) -> np.ndarray:
    """(T, 22, 3, 3) of joints in the world."""
    out = local.copy()
    for joint in range(1, out.shape[1]):
        out[:, joint] = out[:, PARENTS[joint]] @ local[:, joint]
    return out


def _stands(moved: Moved) -> np.ndarray:
    """(T, 2): left and right foot, on ankle or ball."""
    contact = moved.marks.get("contact")
    if contact is None:
        return np.zeros((len(moved.poses), 2), bool)
    return contact[:, :2] | contact[:, 2:]


def _length(moved: Moved, upper: str, lower: str) -> float:
    rest = moved.figure.rest.double().numpy()
    return float(np.linalg.norm(rest[JOINT[f"left_{lower}"]] - rest[JOINT[f"left_{upper}"]]))


def _leg(rest: dict[str, np.ndarray]) -> tuple[float, float]:
    """The robot's thigh and shank, m."""
    return _between(rest, "hip_roll", "knee"), _between(rest, "knee", "ankle_roll")


def _between(rest: dict[str, np.ndarray], upper: str, lower: str) -> float:
    return float(np.linalg.norm(rest[f"left_{lower}_link"] - rest[f"left_{upper}_link"]))


def _held(place: np.ndarray, turn: np.ndarray, stands: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """A foot that stands at one place, flat, its sole on the floor; the way there and back is smooth. One in the air
    keeps its sole over the floor. A stand that slides too far is taken out of ``stands``."""
    place = place.copy()
    place[:, 2] = np.maximum(place[:, 2], SOLE)
    yaw = np.unwrap(np.arctan2(turn[:, 1, 0], turn[:, 0, 0]))
    moved, flat = np.zeros_like(place), yaw.copy()
    for first, last in runs(stands):
        middle = np.append(np.median(place[first:last, :2], axis=0), SOLE)
        away = middle - place[first:last]
        if np.linalg.norm(away[:, :2], axis=-1).max() > _FURTHEST:
            stands[first:last] = False
            continue
        moved[first:last], flat[first:last] = away, np.median(yaw[first:last])
    eased = _between_stands(np.c_[moved, stands], stands, fps)
    place = place + eased[:, :3]
    place[:, 2] = np.maximum(place[:, 2], SOLE)
    level = Rotation.from_euler("z", np.where(stands, flat, yaw)[:, None]).as_matrix()
    step = Rotation.from_matrix(np.swapaxes(turn, -1, -2) @ level).as_rotvec()
    return place, turn @ Rotation.from_rotvec(step * eased[:, 3:]).as_matrix()


def _between_stands(values: np.ndarray, stands: np.ndarray, fps: float) -> np.ndarray:
    """(T, D) as they are while a foot stands; between stands smoothly to 0 and back, or straight from one to the next
    where there is no time for that."""
    ease = max(round(_EASE * fps), 1)
    known = stands.copy()
    for first, last in runs(~stands):
        known[(0 if first == 0 else first + ease - 1) : (last if last == len(stands) else last - ease + 1)] = True
    frames = np.flatnonzero(known)
    if len(frames) < 2:
        return values * stands[:, None]
    return PchipInterpolator(frames, np.where(stands[:, None], values, 0.0)[frames], axis=0)(np.arange(len(stands)))
