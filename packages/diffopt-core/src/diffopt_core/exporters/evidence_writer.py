"""``evidence.npz``: what the solve saw and where it began: keypoints, first motion and camera, losses, the video."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..datasets.npz import Arrays, write_npz
from ..types import Result
from .arrays import array, posed_arrays

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
    clip, first = result.clip, posed_arrays(result.initial_joints, result.initial, result.initial_camera)
    arrays: Arrays = {f"initial_{key}": value for key, value in first.items()} | _losses(result.log)
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
