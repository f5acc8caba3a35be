"""The published state vector: what each of the 339 numbers is. Plain data, no tensors.

A state lives in a z-up frame: ``trans`` 3 (m), ``trans_vel`` 3 (m/s), ``root_orient`` 9 (matrix, row by row),
``root_orient_vel`` 3 (rad/s), ``pose_body`` 21 x 9, ``joints`` 22 x 3 (m), ``joints_vel`` 22 x 3 (m/s).
The decoder's 216 numbers are changes of those (rotations as axis-angle, applied from the left) and 9 contact logits.
"""

from __future__ import annotations

from itertools import accumulate

#: Frames per second of the published model; its velocities are per second.
FPS = 30.0
NUM_JOINTS = 22
LATENT = 48

SIZES: dict[str, int] = {
    "trans": 3,
    "trans_vel": 3,
    "root_orient": 9,
    "root_orient_vel": 3,
    "pose_body": 189,
    "joints": 66,
    "joints_vel": 66,
}
#: The same parts as the decoder gives them.
CHANGE_SIZES: dict[str, int] = SIZES | {"root_orient": 3, "pose_body": 63}
ROTATIONS = ("root_orient", "pose_body")
#: Joints with a contact: pelvis, knees, ankles, feet, wrists.
CONTACT_JOINTS = (0, 4, 5, 7, 8, 10, 11, 20, 21)

STATE = sum(SIZES.values())  # 339
CHANGE = sum(CHANGE_SIZES.values())  # 207
RAW = CHANGE + len(CONTACT_JOINTS)  # 216


def _slices(sizes: dict[str, int]) -> dict[str, slice]:
    ends = list(accumulate(sizes.values()))
    return {name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}


SLICES = _slices(SIZES)
CHANGE_SLICES = _slices(CHANGE_SIZES)

#: Root mean square change of each part in one frame of everyday motion (30 fps): the unit of a residual where a
#: weight file's card has none of its own.
SCALES: dict[str, float] = {
    "trans": 0.02,
    "trans_vel": 0.1,
    "root_orient": 0.02,
    "root_orient_vel": 0.4,
    "pose_body": 0.02,
    "joints": 0.03,
    "joints_vel": 0.25,
}
