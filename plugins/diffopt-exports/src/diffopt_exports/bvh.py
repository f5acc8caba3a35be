"""``motion.bvh`` through pymotion, which knows the format's braces."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from diffopt_core.data.skeleton import NUM_JOINTS, PARENTS
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Result
from pymotion.io.bvh import BVH
from scipy.spatial.transform import Rotation
from torch import Tensor

from .configs import BvhConfig
from .files import drafted, write_beside
from .options import depth_first, joint_names
from .performance import Performance, perform
from .words import Axes, chosen, describe


def euler_degrees(rotations: Tensor, order: str) -> np.ndarray:
    """(T, ..., 3, 3) to (T, ..., 3): angles of ``order``, so that ``zxy`` means ``R = Rz Rx Ry``; each within half a
    turn of its predecessor."""
    flat = Rotation.from_matrix(rotations.double().reshape(-1, 3, 3).numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # gimbal lock: the third angle is free, and set to zero
        angles = flat.as_euler(order.upper(), degrees=True)
    return np.unwrap(angles.reshape(*rotations.shape[:-2], 3), period=360.0, axis=0)


#: How far beyond a joint without children its bone goes on, as a share of the bone before.
_END = 0.5


class BvhExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def __init__(self, options: BvhConfig, ctx: BuildContext | None = None):
        self._options = options

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.bvh`` and ``motion.bvh.json``; raises DiffOptError naming a folder that cannot be written."""
        options = self._options
        performance = perform(result, options)
        axes = chosen(options.up, options.unit, Axes("y", "m"))
        path = folder / "motion.bvh"
        bvh = BVH()
        bvh.data = _data(performance, options, axes)
        with drafted(path) as part:
            bvh.save(str(part))
        r = [f"R{axis}" for axis in options.order]
        words = describe(
            performance, options, axes,
            euler_order=options.order,
            euler=f"degrees, intrinsic: R = {' '.join(r)}, acting on columns; channels in this order",
            joints=bvh.data["names"].tolist(),
            root="position channels: the pelvis joint in the world; OFFSET of the root is zero",
        )  # fmt: skip
        return [path, write_beside(path, words)]


def _data(performance: Performance, options: BvhConfig, axes: Axes) -> dict[str, np.ndarray]:
    """What pymotion writes, joints in depth-first order (it lists the frames' angles in the order of the braces)."""
    order = list(depth_first())
    place = {joint: at for at, joint in enumerate(order)}
    rest = axes.points(performance.figure.rest)
    parents = np.array([place[max(PARENTS[joint], 0)] for joint in order])
    offsets = np.array([rest[joint] - rest[PARENTS[joint]] if PARENTS[joint] >= 0 else np.zeros(3) for joint in order])
    positions = np.tile(offsets, (performance.num_frames, 1, 1))
    positions[:, 0] = axes.points(performance.trans)
    ends = [at for at, joint in enumerate(order) if joint not in PARENTS]
    return {
        "names": np.array(joint_names(options.names))[order],
        "offsets": offsets,
        "end_sites": _END * offsets[ends],
        "end_sites_parents": np.array(ends),
        "parents": parents,
        "rot_order": np.tile(list(options.order), (NUM_JOINTS, 1)),
        "channels": np.array([6] + [3] * (NUM_JOINTS - 1)),
        "positions": positions,
        "rotations": euler_degrees(axes.rotations(performance.pose), options.order)[:, order],
        "frame_time": np.array(1.0 / performance.fps),
    }
