"""Contact sheets of samples as stick figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffopt_core.common.documents import write_json
from diffopt_core.common.npz import atomic, write_npz
from diffopt_core.data.rotation import matrix_to_axis_angle, nearest_rotation, yaw_to_matrix
from diffopt_core.data.skeleton import JOINT, JOINTS, PARENTS
from diffopt_core.errors import DiffOptError
from diffopt_core.host.train.shards import packed, write_offsets
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.cards import MDM_WEIGHTS
from diffopt_priors.mdm import weights
from diffopt_priors.mdm.features import NUM_FEATURE_JOINTS, POSITIONS, kinematics, recover_rotations, root_path
from diffopt_priors.train.mdm import quality

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def recover_motion(
    features: Float[Tensor, "B T 263"], offsets: Float[Tensor, "24 3"]
) -> tuple[Float[Tensor, "B T 24 3 3"], Float[Tensor, "B T 3"]]:
    """Pose (joint 0 in the world) and pelvis (m) of embedded features: inverse of ``embed`` up to its gauge.

    The joints from the local rotations, with an upright pelvis, are aligned with the joints of the position block by a
    least-squares rotation (Kabsch). Exact if both blocks agree; hands keep their rest rotation.
    """
    root, yaw = root_path(features)
    eye = torch.eye(3).expand(*yaw.shape, 1, 3, 3)
    pose = torch.cat([eye, recover_rotations(features), eye.expand(-1, -1, 2, -1, -1)], dim=2)
    upright = kinematics(pose, torch.zeros_like(root), offsets)[:, :, 1:NUM_FEATURE_JOINTS]
    above = features[..., POSITIONS].unflatten(-1, (21, 3)) - (root * root.new_tensor([0.0, 1.0, 0.0])).unsqueeze(2)
    turn = nearest_rotation(above.mT @ upright)
    pose[:, :, 0] = yaw_to_matrix(yaw) @ turn
    return pose, root


# Okabe and Ito: trunk and left limbs dark, right limbs light, the path orange.
_LEFT, _RIGHT, _PATH, _INK, _FAINT = "#0072B2", "#56B4E9", "#D55E00", "#333333", "#C8C8C8"
_COLUMNS, _BODIES = 4, 6
_SPACING = 0.95  # m between the bodies of a strip
_TURN, _ELEVATION = math.radians(55.0), math.radians(8.0)  # off the heading; above the floor
_BONES = [(child, parent) for child, parent in enumerate(PARENTS) if parent >= 0]
_COLOURS = [_RIGHT if JOINTS[child].startswith("right_") else _LEFT for child, _ in _BONES]


def draw(path: Path, joints: np.ndarray, fps: float, title: str) -> None:
    """PNG of ``joints`` (B, T, 24, 3), world, m. Bodies are drawn side by side, independent of their path; the inset
    shows the path from above, from the ring to the dot, in a square with its side length."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(joints))
    rows = math.ceil(len(joints) / columns)
    figure = Figure(figsize=(4.0 * columns, 1.4 * rows + 0.4), facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, color=_INK)
    grid = figure.subplots(rows, columns, squeeze=False)
    top = 1 - 0.36 / figure.get_figheight()
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=top, wspace=0.03, hspace=0.02)
    for number, axes in enumerate(grid.flat):
        axes.set_axis_off()
        if number < len(joints):
            _panel(axes, joints[number], number, fps)
    with atomic(path) as file:
        figure.savefig(file, dpi=110, format="png")


def _panel(axes: Axes, joints: np.ndarray, number: int, fps: float) -> None:
    from matplotlib.collections import LineCollection

    picks = np.linspace(0, len(joints) - 1, _BODIES).round().astype(int)
    width = _SPACING * (_BODIES - 1)
    axes.plot([-0.5, width + 0.5], [0, 0], color=_FAINT, linewidth=0.8, zorder=0)
    for k, frame in enumerate(picks):
        body = joints[frame] - joints[frame, 0] * (1.0, 0.0, 1.0)
        flat = _screen(body, joints[0]) + np.array([k * _SPACING, 0.0])
        lines: Any = [flat[list(bone)] for bone in _BONES]
        axes.add_collection(LineCollection(lines, colors=_COLOURS, linewidths=1.8, capstyle="round"))
        head = flat[JOINT["head"]]
        axes.plot(*head, "o", color=_LEFT, markersize=4.5)
        axes.text(k * _SPACING, -0.16, f"{frame / fps:.1f} s", ha="center", va="top", fontsize=5.5, color=_INK)
    axes.set_xlim(-0.6, width + 2.0)
    axes.set_ylim(-0.45, 2.05)
    axes.set_aspect("equal")
    axes.text(-0.55, 2.0, f"{number}", fontsize=7, color=_INK, va="top", weight="bold")
    _inset(axes, joints[:, 0, [0, 2]], width)


def _inset(axes: Axes, path: np.ndarray, width: float) -> None:
    """The path in a square of a whole number of metres."""
    side = float(max(1.0, math.ceil(np.ptp(path, axis=0).max())))
    low = (path.max(0) + path.min(0) - side) / 2
    size, corner = 1.1, np.array([width + 0.75, 0.55])
    # Seen from above with +Z up, +X of the world points left, so X is negated.
    flat = (path - low) / side * size
    flat = np.stack([size - flat[:, 0], flat[:, 1]], 1) + corner
    axes.plot(*np.array([(0, 0), (size, 0), (size, size), (0, size), (0, 0)]).T + corner[:, None], color=_FAINT, lw=0.6)
    axes.plot(*flat.T, color=_PATH, linewidth=1.1)
    axes.plot(*flat[0], "o", markerfacecolor="white", markeredgecolor=_PATH, markersize=3.5, markeredgewidth=0.9)
    axes.plot(*flat[-1], "o", color=_PATH, markersize=3.0)
    length = np.linalg.norm(np.diff(path, axis=0), axis=-1).sum()
    text = f"{side:g} m square\npath {length:.1f} m"
    axes.text(corner[0] + size / 2, corner[1] - 0.08, text, ha="center", va="top", fontsize=5.5, color=_INK)


def _screen(body: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Right and up coordinates (m) of a body seen from ``_TURN`` off the first body's facing direction."""
    across = first[[JOINT["left_hip"], JOINT["left_shoulder"]]].sum(0)
    across = across - first[[JOINT["right_hip"], JOINT["right_shoulder"]]].sum(0)
    forward = np.cross(across, (0.0, 1.0, 0.0))
    angle = math.atan2(forward[0], forward[2]) + _TURN
    towards = np.array([math.sin(angle), 0.0, math.cos(angle)])
    right = np.array([towards[2], 0.0, -towards[0]])
    up = math.cos(_ELEVATION) * np.array([0.0, 1.0, 0.0]) - math.sin(_ELEVATION) * towards
    return np.stack([body @ right, body @ up], axis=-1)


def draw_samples(name: str, out: Path, count: int, frames: int | None, seed: int, steps: int) -> list[Path]:
    """Write ``samples.npz`` (motion shard), ``skeleton.json``, ``samples.json`` (figures, terms), ``samples.png``."""
    path = MDM_WEIGHTS.resolve(name)
    denoiser, card = weights.load(path)
    if card.get("features") == "humanml3d":
        raise DiffOptError(
            f"--set weights={name}: published weights of the official code hold HumanML3D features, of which rotations "
            "cannot be read; sample from embedded weights"
        )
    longest, fps = int(card["window"]), float(card["fps"])
    frames = frames or longest
    if frames > longest:
        raise DiffOptError(f"--frames {frames}: these weights were trained on windows of up to {longest} frames")
    features = quality.sample(denoiser, count, frames, steps, seed)
    pose, trans = recover_motion(features, denoiser.offsets)
    names = [f"sample_{seed}_{k:03d}" for k in range(count)]
    terms = " ".join(str(text) for text in card.get("terms", []))
    poses, places = (x.numpy() for x in (matrix_to_axis_angle(pose), trans))
    shard = packed(list(poses), list(places), names, ["sample"] * count, [True] * count, fps)
    shard["terms"] = np.array(terms)
    write_npz(out / "samples.npz", shard)
    write_offsets(out / "skeleton.json", denoiser.offsets)
    about = {"weights": path.name, "step": card.get("step"), "seed": seed, "steps": steps, "frames": frames, "fps": fps}
    about |= {"samples": quality.statistics(features, fps), "terms": card.get("terms", [])}
    write_json(out / "samples.json", about)
    joints = kinematics(pose, trans, denoiser.offsets).numpy()
    title = f"{count} samples of {path.name}, {frames} frames at {fps:g} fps, seed {seed}"
    draw(out / "samples.png", joints, fps, title)
    return [out / f for f in ("samples.npz", "skeleton.json", "samples.json", "samples.png")]
