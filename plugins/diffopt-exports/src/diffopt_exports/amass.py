"""``amass.npz``: AMASS's keys and axes. ``trans`` is SMPL's transl: the pelvis minus its position in the rest pose."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.common.npz import write_npz
from diffopt_core.data.rotation import matrix_to_axis_angle

from .configs import AmassConfig
from .files import Axes, FileExporter
from .performance import Performance

log = logging.getLogger(__name__)
#: Rest pelvis of the mean neutral shape, m, in the model's own origin.
MEAN_PELVIS = {"smpl": (-0.001795, -0.223333, 0.028219), "smplx": (0.0031, -0.3514, 0.0120)}
#: SMPL-H's columns: root, 21 body joints, 2 x 15 finger joints. SMPL's joints 22 and 23 (hands) are not included.
COLUMNS, SHARED = 156, 22


class AmassExporter(FileExporter[AmassConfig]):
    """``amass.npz``, always in metres."""

    file, usual = "amass.npz", Axes("z", "m")

    def axes(self) -> Axes:
        if self.options.unit == "cm":
            log.warning("amass: the format is always in metres; written in metres")
        return Axes(super().axes().up, "m")

    def write(self, path: Path, performance: Performance, axes: Axes) -> dict[str, Any]:
        betas, pelvis, told = _shape(performance, self.options)
        write_npz(path, _arrays(performance, self.options, axes, betas, pelvis))
        return {
            **told,
            "trans": "SMPL's transl: the pelvis joint minus its position in the rest pose (rest_pelvis)",
            "rest_pelvis_m": [round(float(v), 6) for v in pelvis],
            "poses": "axis-angle; root, 21 body joints, 30 finger joints (zero); SMPL's hand joints are omitted",
        }


def _shape(performance: Performance, options: AmassConfig) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
    """Betas (10,), the rest pelvis in the model's origin (3,), and notes for the JSON file."""
    figure, given = performance.figure, performance.given_betas
    if options.body not in ("own", performance.body_model):
        said = f"the mean neutral shape of {options.body}"
        return np.zeros(10), np.array(MEAN_PELVIS[options.body]), {"rest_pelvis_from": said, "betas_from": said}
    betas = torch.zeros_like(given) if options.betas == "zero" else figure.betas
    pelvis, told = figure.pelvis, dict[str, object]()
    if figure.mesh is not None and options.betas == "zero":
        pelvis = figure.mesh.rest_pelvis(betas[None])[0].double()
    if not figure.pelvis_known:
        log.warning("amass: the rest pelvis of this body is unknown; an average adult's "
        "is used, which may shift the whole clip by one or two centimetres")  # fmt: skip
        told["rest_pelvis_from"] = "an average adult: unknown for the body of this result"
    if bool((betas != 0).any()) and performance.betas_of.partition("-")[0] != "smpl":
        log.warning("amass: betas are of '%s', not SMPL's: for a tool that "
        "shows SMPL, write the mean shape (--set amass.betas=zero)", performance.betas_of)  # fmt: skip
    if bool((given != 0).any()) and not bool((betas != 0).any()) and options.betas == "own":
        log.warning("amass: the betas of '%s' did not shape the body '%s'; written as zero (and as betas_given)",
                    performance.betas_of, performance.body_model)  # fmt: skip
        told["betas_from"] = f"mean shape of {performance.body_model}"
    return betas.double().numpy(), pelvis.numpy(), told


def _arrays(
    performance: Performance, options: AmassConfig, axes: Axes, betas: np.ndarray, pelvis: np.ndarray
) -> dict[str, np.ndarray]:
    pose = performance.pose.clone()
    pose[:, 0] = axes.matrix @ pose[:, 0]  # the rest pose stays Y up, as in SMPL; only the root is rotated
    poses = np.zeros((performance.num_frames, COLUMNS))
    poses[:, : 3 * SHARED] = matrix_to_axis_angle(pose[:, :SHARED]).flatten(1).numpy()
    rate = performance.fps
    # readers compare it with integers
    whole = np.array(round(rate) if abs(rate - round(rate)) < 1e-6 else rate)
    return {
        "trans": axes.points(performance.trans) - pelvis,
        "gender": np.array(options.gender or (performance.figure.gender if options.body == "own" else "neutral")),
        "mocap_framerate": whole,
        "betas": np.concatenate([betas, np.zeros(6)]),
        "dmpls": np.zeros((performance.num_frames, 8)),
        "poses": poses,
        # the same as SMPL-X files of AMASS spell it
        "root_orient": poses[:, :3],
        "pose_body": poses[:, 3 : 3 * SHARED],
        "mocap_frame_rate": whole,
        "rest_pelvis": pelvis,
        "betas_given": performance.given_betas.double().numpy(),
        "betas_model": np.array(performance.betas_of),
        "up": np.array(axes.up),
        "scale": np.array(performance.scale),
        **{key: values.numpy() for key, values in performance.marks.items()},
    }
