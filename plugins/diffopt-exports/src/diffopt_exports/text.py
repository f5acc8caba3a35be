"""Text formats: ``motion.bvh``, ``motion.csv`` for spreadsheets, ``motion.trc`` (Track Row Column) for OpenSim."""

from __future__ import annotations

import warnings
from itertools import permutations
from pathlib import Path
from typing import IO, Any

import numpy as np
from diffopt_core.common.npz import atomic
from diffopt_core.data.skeleton import FEET, JOINTS, NUM_JOINTS, PARENTS
from pymotion.io.bvh import BVH
from scipy.spatial.transform import Rotation
from torch import Tensor

from .configs import BvhConfig, CsvConfig, TrcConfig, depth_first, joint_names
from .files import Axes, FileExporter, drafted
from .performance import Performance


def euler_degrees(rotations: Tensor, order: str) -> np.ndarray:
    """(T, ..., 3, 3) to (T, ..., 3): angles of ``order``, ``zxy`` means ``R = Rz Rx Ry``; of the ways to write a
    rotation the one nearest to the previous frame's."""
    flat = Rotation.from_matrix(rotations.double().reshape(-1, 3, 3).numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # gimbal lock: the third angle is undetermined and set to zero
        angles = flat.as_euler(order.upper(), degrees=True)
    return _continued(angles.reshape(*rotations.shape[:-2], 3))


def _continued(angles: np.ndarray) -> np.ndarray:
    """``a, b, c`` is the same rotation as ``a + 180, 180 - b, c + 180``, and as itself with whole turns."""
    out = angles.copy()
    for frame in range(1, len(out)):
        before, here = out[frame - 1], angles[frame]
        ways = np.stack([here, here * [1, -1, 1] + 180.0])
        ways += 360.0 * np.round((before - ways) / 360.0)
        first = np.abs(ways - before).max(-1)
        out[frame] = np.where((first[0] <= first[1])[..., None], ways[0], ways[1])
    return out


#: The usual order, and the steps of a joint's angles that are no jump: so many times its own turn, and degrees.
USUAL, _TIMES, _STEP = "zxy", 3.0, 10.0


def steady_orders(rotations: Tensor) -> list[str]:
    """Order of the angles of each joint of (T, J, 3, 3): the usual one, but where its angles jump (near a gimbal
    lock, as of a bent knee) the one in which they step least."""
    turns = Rotation.from_matrix((rotations[1:] @ rotations[:-1].mT).double().reshape(-1, 3, 3).numpy()).magnitude()
    turn = np.degrees(turns.reshape(-1, rotations.shape[1])).max(0, initial=0.0)
    ways = [USUAL, *(order for order in map("".join, permutations("xyz")) if order != USUAL)]
    steps = np.stack(
        [np.abs(np.diff(euler_degrees(rotations, order), axis=0)).max((0, 2), initial=0.0) for order in ways]
    )
    best = np.where(steps[0] <= _TIMES * turn + _STEP, 0, steps.argmin(0))
    return [ways[index] for index in best]


#: Length of the end bone of a leaf joint, as a share of the bone before it.
_END = 0.5


class BvhExporter(FileExporter[BvhConfig]):
    """``motion.bvh``."""

    file = "motion.bvh"

    def write(self, path: Path, performance: Performance, axes: Axes) -> dict[str, Any]:
        turned, bvh = axes.rotations(performance.pose), BVH()
        chosen = str(self.options.order)
        orders = steady_orders(turned) if chosen == "auto" else [chosen] * NUM_JOINTS
        bvh.data = _data(performance, self.options, axes, turned, orders)
        order = USUAL if chosen == "auto" else chosen
        others = {name: own for name, own in zip(joint_names(self.options.names), orders, strict=True) if own != order}
        with drafted(path) as part:
            bvh.save(str(part))
        product = " ".join(f"R{axis}" for axis in order)
        return {
            "euler_order": order,
            **({"euler_order_of": others} if others else {}),
            "euler": f"degrees, intrinsic: R = {product}, acting on columns; channels in this order",
            "joints": bvh.data["names"].tolist(),
            "root": "position channels: the pelvis joint in the world; OFFSET of the root is zero",
        }


def _data(
    performance: Performance, options: BvhConfig, axes: Axes, turned: Tensor, orders: list[str]
) -> dict[str, np.ndarray]:
    """Input of pymotion's writer, joints in depth-first order (it writes the angles in the order of the hierarchy)."""
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
        "rot_order": np.array([list(own) for own in orders])[order],
        "channels": np.array([6] + [3] * (NUM_JOINTS - 1)),
        "positions": positions,
        "rotations": np.stack([euler_degrees(turned[:, joint], orders[joint]) for joint in order], axis=1),
        "frame_time": np.array(1.0 / performance.fps),
    }


def joint_rows(performance: Performance, axes: Axes, first: int) -> np.ndarray:
    """Frame number (from ``first``), seconds, and x y z of each joint in ``axes``: ``[T 2+3J]``."""
    frames = np.arange(performance.num_frames)
    places = axes.points(performance.joints).reshape(len(frames), -1)
    return np.c_[frames + first, frames / performance.fps, places]


def write_rows(file: IO[bytes], rows: np.ndarray, decimals: int, separator: str, flags: int = 0) -> None:
    """The rows as text: a whole number, then numbers with so many decimals; ``flags``: whole ones at the end."""
    np.savetxt(file, rows, ["%d", *[f"%.{decimals}f"] * (rows.shape[1] - 1 - flags), *["%d"] * flags], separator)


class CsvExporter(FileExporter[CsvConfig]):
    """``motion.csv``."""

    file = "motion.csv"

    def write(self, path: Path, performance: Performance, axes: Axes) -> dict[str, Any]:
        head = ["frame", "time", *(f"{name}_{axis}" for name in joint_names(self.options.names) for axis in "xyz")]
        marks = performance.marks
        flags = {str(key): marks[key] for key in ("valid", "bridged") if key in marks}
        if "contact" in marks:
            flags |= {f"{JOINTS[foot]}_stands": marks["contact"][:, n] for n, foot in enumerate(FEET)}
        rows = joint_rows(performance, axes, first=0)
        columns = [values.numpy().astype(int) for values in flags.values()]
        with atomic(path) as file:
            file.write((",".join([*head, *flags]) + "\n").encode())
            write_rows(file, np.column_stack([rows, *columns]), self.options.decimals, ",", len(flags))
        return {"time": "seconds", "flags": "1 or 0: found in this frame; filled in from others; the joint stands"}


class TrcExporter(FileExporter[TrcConfig]):
    """``motion.trc``."""

    file = "motion.trc"

    def write(self, path: Path, performance: Performance, axes: Axes) -> dict[str, Any]:
        with atomic(path) as file:
            file.write(_head(performance, joint_names(self.options.names), axes.unit).encode())
            write_rows(file, joint_rows(performance, axes, first=1), self.options.decimals, "\t")
        return {"markers": "body joints, not surface markers"}


def _head(performance: Performance, names: tuple[str, ...], unit: str) -> str:
    """Five header lines, then an empty line; the fourth has each marker's name over the first of its three columns."""
    rate, count = f"{performance.fps:.6g}", performance.num_frames
    fields = {
        "DataRate": rate, "CameraRate": rate, "NumFrames": count, "NumMarkers": len(names), "Units": unit,
        "OrigDataRate": rate, "OrigDataStartFrame": 1, "OrigNumFrames": count,
    }  # fmt: skip
    axes = [f"{axis}{marker}" for marker in range(1, len(names) + 1) for axis in "XYZ"]
    lines = (
        ["PathFileType", "4", "(X/Y/Z)", "motion.trc"],
        list(fields),
        [str(value) for value in fields.values()],
        ["Frame#", "Time", *(cell for name in names for cell in (name, "", ""))],
        ["", "", *axes],
        [""],
    )
    return "".join("\t".join(line) + "\n" for line in lines)
