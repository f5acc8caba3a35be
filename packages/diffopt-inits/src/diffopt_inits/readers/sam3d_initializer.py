"""Initializer ``sam3d``: SMPL poses from the 3D keypoints of SAM 3D Body, with the initializer ``landmarks``.

MHR's pose and shape parameters belong to another body model, so the pose of the mean body on the SMPL tree is fitted to
the 3D keypoints. Its hips are placed at MHR's hips, so that the translation is the tool's and not that of a person of
mean height.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import torch
from diffopt_core.data.fill import fill_linear
from diffopt_core.data.geometry import project
from diffopt_core.data.skeleton import BLAZEPOSE33
from diffopt_core.errors import BadInput
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, Observations
from diffopt_formats.frames import rows_at, source_frames
from diffopt_formats.sam3d import POINTS, Points, read

from ..rest import rest_body
from .configs import Sam3dConfig

_log = logging.getLogger(__name__)
_HIPS = [POINTS["left_hip"], POINTS["right_hip"]]
_BODY_HIPS = [BLAZEPOSE33.index("left_hip"), BLAZEPOSE33.index("right_hip")]


class Sam3dInitializer:
    """Implements :class:`diffopt_core.interfaces.Initializer`."""

    def __init__(self, config: Sam3dConfig, ctx: BuildContext):
        self._file = config.named_file()
        self._body = ctx.build("body", "anny24")
        self._kinematics = ctx.build("initializer", "landmarks", steps=config.steps, body="anny24")

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """Root, pose and pelvis in the camera frame, float32; the shape is the mean. Raises BadInput."""
        held = read(self._file)
        rows, found = self._rows(held, clip)
        points, source = _at_focal(held, rows, camera)
        if (points[found][:, _HIPS, 2] <= 0).any():
            raise BadInput(self._file, "pred_cam_t", "the person is behind the camera")
        body = self._kinematics.initialize(clip, _observed(points, found, camera), camera)
        _log.warning(
            "SAM 3D Body's model is MHR: the pose of the mean SMPL body is computed from its 3D keypoints; for "
            "its own shape convert it to SMPL first (the converter of facebookresearch/MHR)"
        )
        pose = torch.cat([body.global_orient[:, None], body.body_pose], 1)
        hips = rest_body(self._body, clip.rest_joints).pose(pose)[2][:, _BODY_HIPS].mean(1)
        there = torch.from_numpy(points[:, _HIPS].mean(1)).float() - hips
        valid = torch.from_numpy(found)
        facts = {
            "tool": "SAM 3D Body",
            "person": {"by": "largest of each frame", "people": held.people},
            "filled": np.flatnonzero(~found).tolist(),
            "focal_from": source,
        }
        return replace(body, transl=fill_linear(there, valid), facts={**body.facts, **facts})

    def _rows(self, held: Points, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the clip's frames, and mask of the frames that have one."""
        if clip.video is None and held.total != clip.num_frames:
            problem = f"the result covers {held.total} frames, the clip has {clip.num_frames}"
            raise BadInput(self._file, "frames", problem)
        rows, found = rows_at(held.frames, source_frames(clip))
        if not found.any():
            raise BadInput(self._file, "frames", f"covers {held.total} frames; none of them is in the clip")
        return rows, found


def _at_focal(held: Points, rows: np.ndarray, camera: CameraTrajectory) -> tuple[np.ndarray, str]:
    """Points in the camera frame, with the depth scaled to the camera's focal length, which keeps their size in the
    image."""
    points = held.points[rows]
    if held.focal is None:
        return points, "not in the file; the depth is taken as it is"
    ratio = camera.focal.detach().cpu().double().numpy().mean(-1) / held.focal[rows]
    if np.abs(ratio - 1).max() > 0.01:
        _log.warning(f"SAM 3D Body used another focal length: the depth is scaled by {np.median(ratio):.3f}")
        points = points.copy()
        points[..., 2] += (points[:, _HIPS, 2].mean(1) * (ratio - 1))[:, None]
    return points, str(camera.facts.get("focal_from", "the camera"))


def _observed(points: np.ndarray, found: np.ndarray, camera: CameraTrajectory) -> Observations:
    """The points as BlazePose landmarks, 2D and 3D."""
    known = torch.from_numpy(points).float()
    pixels = project(known, camera.focal.cpu().float(), camera.centre.cpu().float())
    frames = len(points)
    keypoints, landmarks = torch.zeros(frames, len(BLAZEPOSE33), 3), torch.zeros(frames, len(BLAZEPOSE33), 4)
    hips = known[:, _HIPS].mean(1)
    for i, name in enumerate(BLAZEPOSE33):
        # points that the tool lacks get a neighbour's position and weight 0
        source = POINTS.get(name, POINTS.get(name.removesuffix("_inner").removesuffix("_outer"), POINTS["nose"]))
        weight = float(name in POINTS)
        keypoints[:, i, :2], keypoints[:, i, 2] = pixels[:, source], weight
        landmarks[:, i, :3], landmarks[:, i, 3] = known[:, source] - hips, weight
    valid = torch.from_numpy(found)
    return Observations(keypoints, "blazepose33", valid, landmarks, "blazepose33")
