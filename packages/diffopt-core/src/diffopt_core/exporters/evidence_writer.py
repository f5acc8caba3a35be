"""``evidence.npz``: what the solve saw and where it began: keypoints, first motion and camera, losses, the video."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..datasets.npz import Arrays, write_npz
from ..rotation import matrix_to_axis_angle
from ..types import Result
from .arrays import array

FILE = "evidence.npz"


class EvidenceExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``evidence.npz`` atomically; raises DiffOptError naming a folder that cannot be written."""
        path = folder / FILE
        write_npz(path, evidence_arrays(result))
        return [path]


def evidence_arrays(result: Result) -> Arrays:
    """Arrays under the keys of ``docs/conventions.md``; float32, and text without pickles."""
    motion, camera, clip = result.initial, result.initial_camera, result.clip
    rotvec = array(matrix_to_axis_angle(motion.pose))
    arrays: Arrays = {
        "initial_joints": array(result.initial_joints),
        "initial_global_orient": rotvec[:, 0],
        "initial_body_pose": rotvec[:, 1:],
        "initial_transl": array(motion.trans),
        "initial_betas": array(motion.betas).reshape(-1),
        "initial_cam_R": array(camera.R),
        "initial_cam_t": array(camera.t),
        "initial_cam_focal": array(camera.focal),
        "initial_cam_centre": array(camera.centre),
        **_losses(result.log),
    }
    if clip.observations is not None:
        arrays["keypoints"] = array(clip.observations.keypoints)
        arrays["keypoint_layout"] = np.array(clip.observations.layout)
        arrays["valid"] = clip.observations.valid.detach().cpu().numpy()
    if clip.video is not None:
        arrays["video"] = np.array(str(clip.video.path.absolute()))
        arrays["video_frames"] = np.array(clip.video.frames, np.int64)
        arrays["video_rotation"] = np.array(clip.video.rotation)
    return arrays


def _losses(log: dict[str, dict[str, list[float]]]) -> Arrays:
    """All curves end to end: ``loss_names`` (K, 2) stage and term, ``loss_steps`` (K,), ``losses`` (sum of those,)."""
    curves = [(stage, term, values) for stage, terms in log.items() for term, values in terms.items()]
    return {
        "loss_names": np.array([row[:2] for row in curves], np.str_).reshape(-1, 2),
        "loss_steps": np.array([len(values) for *_, values in curves], np.int64),
        "losses": np.array([value for *_, values in curves for value in values], np.float32),
    }
