"""Skeletons drawn over video frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.data.skeleton import JOINTS, LAYOUTS
from diffopt_core.errors import DiffOptError
from diffopt_core.perception.video import read_frames
from diffopt_core.types import CameraTrajectory, Clip, Observations, Result

from .style import BONES, FINAL, FINAL_RIGHT, INITIAL, INITIAL_RIGHT, INK, KEYPOINT, is_right, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

_SEEN = 0.3  # lowest confidence at which a keypoint is drawn
_PANEL = 3.2  # inches


def pick_frames(count: int, wanted: int = 6) -> list[int]:
    """Indices of at most ``wanted`` frames, evenly spaced over the clip, both ends included."""
    return sorted(set(np.linspace(0, count - 1, min(wanted, count)).round().astype(int).tolist()))


def pixels_of(joints: Tensor, camera: CameraTrajectory) -> np.ndarray:
    """World joints ``(T, J, 3)`` projected to pixels ``(T, J, 2)``, nan behind the camera."""
    seen = world_to_camera(joints, camera.R, camera.t)
    pixels = project(seen, camera.focal, camera.centre).detach().cpu().double().numpy()
    behind = (seen[..., 2] <= 0.05).detach().cpu().numpy()
    return np.where(behind[..., None], np.nan, pixels)


def _some(clip: Clip) -> tuple[list[int], list[np.ndarray], list[str]]:
    """Evenly spaced frames of the clip's video: their numbers, images and labels."""
    if clip.video is None:
        raise DiffOptError(f"{clip.name}: the clip has no images to draw on")
    numbers = pick_frames(clip.num_frames)
    images = list(read_frames(replace(clip.video, frames=tuple(clip.video.frames[i] for i in numbers))))
    return numbers, images, [f"frame {i}, {i / clip.fps:.2f} s" for i in numbers]


def draw_on_video(result: Result, path: Path | str) -> Path:
    """Draw initial and final skeleton over evenly spaced frames of the clip's video; return the PNG's path."""
    numbers, images, labels = _some(result.clip)
    seen = result.clip.observations
    return draw_overlay(
        images,
        pixels_of(result.joints, result.camera)[numbers],
        path,
        initial=pixels_of(result.initial_joints, result.initial_camera)[numbers],
        keypoints=seen.keypoints[numbers].cpu().numpy() if seen is not None else None,
        labels=labels,
    )


def draw_evidence(clip: Clip, path: Path | str) -> Path:
    """Draw the keypoints over evenly spaced frames of the clip's video; return the PNG's path."""
    if clip.observations is None:
        raise DiffOptError(f"{clip.name}: no keypoints to draw")
    numbers, images, labels = _some(clip)
    found, keypoints = joints_in_pixels(clip.observations)
    return draw_overlay(images, found[numbers], path, keypoints=keypoints[numbers], labels=labels)


def joints_in_pixels(seen: Observations) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints by SMPL joint, ``(T, 24, 2)`` px, nan if missing; and all keypoints."""
    keypoints = seen.keypoints.cpu().double().numpy()
    names = LAYOUTS[seen.layout]
    joints = np.full((len(keypoints), len(JOINTS), 2), np.nan)
    for row, name in enumerate(JOINTS):
        if name in names:
            point = keypoints[:, names.index(name)]
            joints[:, row] = np.where(point[:, 2:] > 0, point[:, :2], np.nan)
    return joints, keypoints


def draw_overlay(
    frames: Sequence[np.ndarray],
    pixels: np.ndarray,
    path: Path | str,
    initial: np.ndarray | None = None,
    keypoints: np.ndarray | None = None,
    labels: Sequence[str] | None = None,
    crop: bool = True,
) -> Path:
    """Draw a grid of frames with skeletons as a PNG and return its path.

    ``frames``: N images, RGB uint8. ``pixels`` (final) and ``initial``: ``(N, 24, 2)`` px of the SMPL joints (see
    :func:`pixels_of`). ``keypoints``: ``(N, J, 3)`` px and confidence, in any layout. ``crop`` crops every frame around
    the person, all to the same size.
    """
    N = len(frames)
    for name, array in (("pixels", pixels), ("initial", initial), ("keypoints", keypoints), ("labels", labels)):
        if array is not None and len(array) != N:
            raise DiffOptError(f"overlay: {N} frames but {len(array)} of {name}")
    if not N:
        raise DiffOptError("overlay: no frames")
    columns = min(3, N)
    rows = -(-N // columns)
    height, width = frames[0].shape[:2]
    boxes = _boxes(pixels, keypoints, width, height) if crop else [(0.0, float(width), 0.0, float(height))] * N
    ratio = (boxes[0][3] - boxes[0][2]) / (boxes[0][1] - boxes[0][0])
    top = 0.35
    figure = new_figure(_PANEL * columns, _PANEL * ratio * rows + top)
    grid = figure.add_gridspec(
        rows, columns, left=0.005, right=0.995, bottom=0.005, top=1 - top / (_PANEL * ratio * rows + top),
        wspace=0.02, hspace=0.02,
    )  # fmt: skip
    for n, (frame, box) in enumerate(zip(frames, boxes, strict=True)):
        axes = figure.add_subplot(grid[n // columns, n % columns])
        axes.imshow(frame, interpolation="bilinear")
        line = _line_width(pixels[n], box)
        if initial is not None:
            _draw(axes, initial[n], (INITIAL, INITIAL_RIGHT), 0.7 * line)
        _draw(axes, pixels[n], (FINAL, FINAL_RIGHT), line)
        if keypoints is not None:
            x, y, confidence = keypoints[n].T
            seen = confidence > _SEEN
            axes.scatter(x[seen], y[seen], s=5 * line, color=KEYPOINT, edgecolors=INK, linewidths=0.25 * line, zorder=5)
        # The axes would grow with the drawing: keep them at the frame.
        axes.set(xlim=box[:2], ylim=(box[3], box[2]), aspect="equal")
        axes.set_axis_off()
        if labels is not None:
            axes.text(
                0.02, 0.98, labels[n], transform=axes.transAxes, fontsize=8, color="white", va="top",
                bbox={"facecolor": "black", "alpha": 0.5, "linewidth": 0, "pad": 2},
            )  # fmt: skip
    _write_legend(figure, initial is not None, keypoints is not None)
    return save(figure, path)


def _draw(axes: Axes, pixels: np.ndarray, colours: tuple[str, str], width: float) -> None:
    """One skeleton; bones with an end behind the camera are skipped."""
    from matplotlib.collections import LineCollection

    bones = [bone for bone in BONES if np.isfinite(pixels[list(bone)]).all()]
    lines = [pixels[list(bone)] for bone in bones]
    shades = [colours[is_right(child)] for child, _ in bones]
    axes.add_collection(LineCollection(lines, linewidths=0.5 * width + width, colors="white", capstyle="round"))
    axes.add_collection(LineCollection(lines, linewidths=width, colors=shades, capstyle="round"))


def _line_width(pixels: np.ndarray, box: tuple[float, float, float, float]) -> float:
    """Line width in points, proportional to the person's size in the panel, within limits."""
    y = pixels[np.isfinite(pixels).all(-1), 1]
    share = np.ptp(y) / (box[1] - box[0]) if len(y) else 0.0
    return float(np.clip(0.012 * share * _PANEL * 72.0, 0.7, 2.4))


def _boxes(
    pixels: np.ndarray, keypoints: np.ndarray | None, width: int, height: int
) -> list[tuple[float, float, float, float]]:
    """A box around the person in each frame, all of one size, inside the frame: left, right, top, bottom."""
    lows, highs = [], []
    for n in range(len(pixels)):
        points = pixels[n]
        if keypoints is not None and (keypoints[n, :, 2] > _SEEN).sum() >= 4:
            # Keypoints are certainly inside the image; a failed skeleton may not be.
            points = keypoints[n][keypoints[n, :, 2] > _SEEN, :2]
        points = points[np.isfinite(points).all(-1)].clip((0, 0), (width, height))
        points = points if len(points) else np.array([[0, 0], [width, height]])
        lows.append(points.min(0))
        highs.append(points.max(0))
    low, high = np.array(lows), np.array(highs)
    size = np.minimum((high - low).max(0) * 1.35, (width, height))
    size = np.minimum(np.maximum(size, size.max() * 0.6), (width, height))
    corner = np.clip((low + high) / 2 - size / 2, 0, np.array([width, height]) - size)
    return [(x, x + size[0], y, y + size[1]) for x, y in corner]


def _write_legend(figure, initial: bool, keypoints: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=FINAL, linewidth=2.4, label="recovered (right limbs lighter)")]
    if initial:
        handles.append(Line2D([], [], color=INITIAL, linewidth=1.6, label="initial"))
    if keypoints:
        handles.append(
            Line2D([], [], linestyle="none", marker="o", color=KEYPOINT, markeredgecolor=INK, label="detected")
        )
    figure.legend(handles=handles, loc="upper left", ncols=3, fontsize=8, frameon=False, labelcolor=INK)
