"""Case files: ``.npz`` to :class:`~diffopt_core.types.Clip` and back. The format is in ``docs/formats.md``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ...common.npz import Arrays, keys_of, read_npz, write_npz
from ...data.fill import fill_linear, fill_rotations
from ...data.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from ...data.window import travel_of
from ...errors import BadInput
from ...interfaces import BuildContext
from ...types import (
    CameraFrameBody,
    CameraTrajectory,
    Clip,
    HumanMotion,
    MotionEvidence,
    Observations,
    PosesFrom,
    Travel,
    Truth,
    Unit,
    Video,
)
from .case_keys import CASE_KEYS, LANDMARK_LAYOUT, SAID, check_case, check_truth, text, valid_frames
from .configs import CaseConfig

_OWN = frozenset(key for key in CASE_KEYS if key.startswith(("keypoint", "init_")))


class CaseDataset:
    """Implements :class:`diffopt_core.interfaces.Dataset`."""

    def __init__(self, config: CaseConfig, ctx: BuildContext | None = None):
        self._truth = config.truth

    def accepts(self, path: Path) -> bool:
        # Two of its keys are enough, so that an incomplete case is reported as such and not as an unknown file. A
        # result's evidence.npz has some of these keys too, but is not a case.
        keys = keys_of(path) if path.suffix.lower() == ".npz" else frozenset()
        return len(_OWN & keys) >= 2 and "initial_joints" not in keys

    def load(self, path: Path) -> Clip:
        return read_case(path, self._truth)


def read_case(path: Path, truth: Path | None = None) -> Clip:
    """Read and check a case and its truth (``truth``, else ``truth/<same name>`` beside the case if it exists).

    Raises BadInput naming file and key.
    """
    case = read_npz(path)
    check_case(path, case)
    beside = path.parent / "truth" / path.name
    where = truth or (beside if beside.exists() else None)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    clip = clip_of(case, path.stem, path, digest)
    if where is None:
        return clip
    return with_truth(clip, read_npz(where), where)


def write_case(path: Path, case: Arrays, truth: Arrays | None = None) -> list[Path]:
    """Check and write a case atomically, and its truth under ``truth/`` beside it. Returns the files."""
    check_case(path, case)
    files = [path]
    if truth is not None:
        files.append(path.parent / "truth" / path.name)
        check_truth(files[1], truth, len(case["keypoints"]))
        write_npz(files[1], truth)
    write_npz(path, case)
    return files


def clip_of(case: Arrays, name: str, path: Path | None = None, sha256: str | None = None) -> Clip:
    """The clip that a checked case describes (float32). Estimates in invalid frames are interpolated."""
    valid = torch.from_numpy(valid_frames(case))
    return Clip(
        name=name,
        path=path,
        fps=float(case["fps"].reshape(-1)[0]),
        size=(int(case["image_size"][0]), int(case["image_size"][1])),
        num_frames=len(valid),
        observations=_observations(case, valid),
        body=_body(case, valid),
        camera=_camera(case),
        rest_joints=_tensor(case["rest_joints"]) if "rest_joints" in case else None,
        sha256=sha256,
        video=_video(case, path),
        facts=_facts(case, "clip", path),
    )


def with_truth(clip: Clip, truth: Arrays, path: Path) -> Clip:
    """``clip`` with its ground truth; raises BadInput naming ``path`` and the key."""
    check_truth(path, truth, clip.num_frames)
    motion = camera = None
    if {"global_orient", "body_pose", "transl"} <= truth.keys():
        pose = np.concatenate([truth["global_orient"][:, None], truth["body_pose"]], 1)
        betas = _tensor(truth["betas"]) if "betas" in truth else torch.zeros(10)
        label = clip.body.betas_of if clip.body else "smpl"
        motion = HumanMotion(axis_angle_to_matrix(_tensor(pose)), _tensor(truth["transl"]), betas, label)
    if {"cam_R", "cam_t", "cam_focal"} <= truth.keys():
        R, t, focal = (_tensor(truth[key]) for key in ("cam_R", "cam_t", "cam_focal"))
        middle = torch.tensor(clip.size).to(focal).expand(len(focal), 2) / 2
        camera = CameraTrajectory(R, t, focal, clip.camera.centre if clip.camera else middle, "metre")
    extra = {"slam_scale": float(truth["slam_scale"])} if "slam_scale" in truth else {}
    good = torch.from_numpy(truth["good"] > 0) if "good" in truth else None
    scored = Truth(_tensor(truth["joints"]), motion=motion, camera=camera, extra=extra, good=good)
    return replace(clip, truth=scored)


def arrays_of(clip: Clip) -> Arrays:
    """The arrays of a case file for a clip with observations, camera and body (BadInput names a missing part)."""
    seen, body, camera = clip.observations, clip.body, clip.camera
    if seen is None or body is None or camera is None:
        lacks = [n for n, part in (("observations", seen), ("body", body), ("camera", camera)) if part is None]
        raise BadInput(clip.path or clip.name, lacks[0], "is missing in the clip; a case file needs it")
    case: Arrays = {
        "fps": np.array(clip.fps, np.float32),
        "image_size": np.array(clip.size, np.int64),
        "keypoints": _array(seen.keypoints),
        "keypoint_layout": np.array(seen.layout),
        "init_global_orient": _array(matrix_to_axis_angle(body.global_orient)),
        "init_body_pose": _array(matrix_to_axis_angle(body.body_pose)),
        "init_betas": _array(body.betas),
        "init_transl": _array(body.transl),
        "cam_R": _array(camera.R),
        "cam_t": _array(camera.t),
        "cam_focal": _array(camera.focal),
        "cam_centre": _array(camera.centre),
        "cam_metric": np.array(camera.metric),
        "cam_unit": np.array(camera.unit),
        "cam_travel": np.array(camera.travel),
        "cam_trusted": np.array(camera.trusted),
        "init_from": np.array(body.poses_from),
    }
    if seen.landmarks is not None:
        known = torch.isfinite(seen.landmarks).all(-1, keepdim=True)
        case["landmarks"] = _array(torch.where(known, seen.landmarks, 0.0))
        case["landmark_layout"] = np.array(seen.landmark_layout or LANDMARK_LAYOUT)
    if body.evidence is not None:
        case |= {f"init_{name}": _array(value) for name, value in vars(body.evidence).items()}
    if camera.filled is not None:
        case["cam_filled"] = camera.filled.cpu().numpy()
    if camera.up is not None and camera.up_var is not None:
        case |= {"cam_up": _array(camera.up), "cam_up_var": _array(camera.up_var)}
    if clip.rest_joints is not None:
        case["rest_joints"] = _array(clip.rest_joints)
    if not bool(seen.valid.all()):
        case["valid"] = seen.valid.cpu().numpy()
    if body.betas_of != "smpl":
        case["betas_model"] = np.array(body.betas_of)
    if clip.video is not None:
        case["video"] = np.array(str(clip.video.path.absolute()))
        case["video_frames"] = np.array(clip.video.frames, np.int64)
        case["video_rotation"] = np.array(clip.video.rotation)
        if clip.video.length is not None:
            case["video_length"] = np.array(clip.video.length)
    facts = {"clip": clip.facts} | {kind: part.facts for kind, part in clip.parts.items()}
    if any(facts.values()):
        case["facts"] = np.array(json.dumps(facts, sort_keys=True, default=str))
    return case


def _video(case: Arrays, path: Path | None) -> Video | None:
    """The video of the evidence, if it still exists; only for pictures, nothing is computed from it."""
    if "video" not in case or "video_frames" not in case:
        return None
    said = Path(text(case["video"]))
    beside = path.parent / said.name if path else said
    found = next((place for place in (said, beside) if place.exists()), None)
    size = (int(case["image_size"][0]), int(case["image_size"][1]))
    rotation = int(case["video_rotation"]) if "video_rotation" in case else 0
    length = int(case["video_length"]) if "video_length" in case else None
    return Video(found, tuple(case["video_frames"].astype(int).tolist()), size, rotation, length) if found else None


def _facts(case: Arrays, part: str, path: Path | None = None) -> dict[str, Any]:
    """The facts of a part from when the case was prepared; the component's name becomes ``prepared_by``."""
    if "facts" not in case:
        return {}
    try:
        facts = dict(json.loads(text(case["facts"])).get(part, {}))
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput(path or "case", "facts", f"cannot be read as JSON of a prepared case ({error})") from None
    component = facts.pop("component", None)
    return facts | ({"prepared_by": component} if component else {})


def _observations(case: Arrays, valid: Tensor) -> Observations:
    keypoints = _tensor(case["keypoints"])
    absent = ~valid[:, None] | ~(keypoints[..., 2] > 0)
    keypoints = torch.where(absent.unsqueeze(-1), torch.zeros_like(keypoints), keypoints)
    landmarks = layout = None
    if "landmarks" in case:
        landmarks = torch.where(valid[:, None, None], _tensor(case["landmarks"]), 0.0)
        layout = text(case["landmark_layout"]) if "landmark_layout" in case else LANDMARK_LAYOUT
    return Observations(
        keypoints, text(case["keypoint_layout"]), valid, landmarks, layout, facts=_facts(case, "detector")
    )


def _camera(case: Arrays) -> CameraTrajectory:
    """Read the camera; if the file does not state ``cam_travel``, it is computed from the path."""
    R, t = _tensor(case["cam_R"]), _tensor(case["cam_t"])
    metric = bool(case["cam_metric"].reshape(-1)[0])
    return CameraTrajectory(
        R,
        t,
        _tensor(case["cam_focal"]),
        _tensor(case["cam_centre"]),
        cast(Unit, text(case["cam_unit"])) if "cam_unit" in case else "metre" if metric else "guess",
        travel=cast(Travel, text(case["cam_travel"])) if "cam_travel" in case else travel_of(R, t),
        filled=torch.from_numpy(case["cam_filled"].astype(bool)) if "cam_filled" in case else None,
        trusted=bool(case["cam_trusted"]) if "cam_trusted" in case else True,
        up=_tensor(case["cam_up"]) if "cam_up" in case else None,
        up_var=_tensor(case["cam_up_var"]) if "cam_up_var" in case else None,
        facts=_facts(case, "camera"),
    )


def _body(case: Arrays, valid: Tensor) -> CameraFrameBody:
    # Values in invalid frames, including NaN, are replaced before they enter any arithmetic.
    def person(key: str) -> Tensor:
        value = _tensor(case[key])
        return torch.where(valid.reshape(-1, *[1] * (value.dim() - 1)), value, torch.zeros_like(value))

    betas = _tensor(case["init_betas"])
    if betas.dim() == 2:
        betas = betas[valid].mean(0)
    return CameraFrameBody(
        global_orient=fill_rotations(axis_angle_to_matrix(person("init_global_orient")), valid),
        body_pose=fill_rotations(axis_angle_to_matrix(person("init_body_pose")), valid),
        transl=fill_linear(person("init_transl"), valid),
        betas=betas,
        betas_of=text(case["betas_model"]) if "betas_model" in case else "smpl",
        poses_from=cast(PosesFrom, text(case["init_from"])) if "init_from" in case else "regressor",
        facts=_facts(case, "initializer"),
        evidence=MotionEvidence(*(_tensor(case[key]) for key in SAID)) if SAID[0] in case else None,
    )


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(np.float32)
