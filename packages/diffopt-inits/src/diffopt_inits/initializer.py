"""Initializer ``landmarks``: an SMPL pose per frame from BlazePose's 3D landmarks, translation from its 2D landmarks.

The landmarks are metric only for the detector's average person, so the body keeps the mean shape (betas 0) and its own
bone lengths: directions give the pose, 2D landmarks give the distance. A person who is 5 % taller than the mean is
therefore placed 5 % too near; the solver estimates the camera's scale.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from diffopt_core.data.skeleton import BLAZEPOSE33
from diffopt_core.errors import BadInput
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, Observations
from jaxtyping import Bool, Float
from torch import Tensor

from .analytic import analytic_pose
from .feet import Rays, lift_feet, rays_of
from .landmarks import LandmarksInitializerConfig
from .refine import PoseTold, Targets, refine
from .rest import LAYOUT, RestBody, rest_body
from .smooth import fit_translation, smooth_landmarks

#: Number of alternations between pose and translation, and of further ones with other evidence.
ROUNDS, MORE_ROUNDS = 4, 2
#: Reweighting rounds for a translation that is nearly right.
AGAIN = 3
#: Visibility below which a landmark counts as not visible.
HIDDEN = 0.3
#: Standard deviation of the pelvis' acceleration in the camera frame, m/s^2.
_PATH_ACCELERATION = 10.0
_LIMBS = {
    f"{side} {limb}": [BLAZEPOSE33.index(f"{side}_{part}") for part in parts]
    for side in ("left", "right")
    for limb, parts in (("arm", ("elbow", "wrist")), ("leg", ("knee", "ankle")))
}
_log = logging.getLogger(__name__)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread: for small tensors more threads are slower (four times on a busy machine), and the pose would
    depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class LandmarksInitializer:
    """Implements :class:`diffopt_core.interfaces.Initializer`."""

    def __init__(self, config: LandmarksInitializerConfig, ctx: BuildContext):
        self._config, self._body = config, ctx.build("body", config.body)

    @_one_thread()
    def towards(
        self, body: CameraFrameBody, told: PoseTold, observations: Observations, camera: CameraTrajectory, clip: Clip
    ) -> CameraFrameBody:
        """The poses of :meth:`initialize`, fitted on with rotations from other evidence."""
        landmarks, visibility, _ = _landmarks(clip, observations)
        rest, rays = rest_body(self._body, clip.rest_joints), rays_of(observations, camera)
        pose, transl = torch.cat([body.global_orient.unsqueeze(1), body.body_pose], 1), body.transl
        rotations, joints, _ = rest.pose(pose)
        landmarks = lift_feet(landmarks, rays, rotations, joints[..., 2] + transl[:, 2:], rest)
        targets = Targets(landmarks, visibility, rays.ray, self._config.pixels * rays.steering, transl, told)
        pose, transl = self._fitted(pose, rest, targets, rays, clip.fps, MORE_ROUNDS)
        return replace(body, global_orient=pose[:, 0], body_pose=pose[:, 1:], transl=transl)

    def _fitted(
        self, pose: Tensor, rest: RestBody, targets: Targets, rays: Rays, fps: float, rounds: int
    ) -> tuple[Tensor, Tensor]:
        """Pose and pelvis, refined in turns; a round has its share of ``config.steps``."""
        steps = -(-self._config.steps // ROUNDS)
        for _ in range(rounds if steps else 0):
            with torch.enable_grad():
                pose = refine(pose, rest, targets, fps, self._config.acceleration, steps)
            targets = replace(targets, transl=self._place(pose, rest, rays, fps, targets.transl))
        return pose, targets.transl

    @_one_thread()
    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """Root in the camera frame, local rotations, pelvis in metres; float32, on the CPU.

        Frames without the person are interpolated. Raises BadInput without 3D landmarks, or if no limb is visible in
        2D.
        """
        landmarks, visibility, good = _landmarks(clip, observations)
        rest, rays = rest_body(self._body, clip.rest_joints), rays_of(observations, camera)
        pose = self._analytic(landmarks, visibility, rest, clip.fps)
        if not bool((rays.placing > 0).any()):
            problem = (
                "no shoulder, elbow, wrist, hip, knee or ankle is "
                "visible in any frame, so the translation is undetermined"
            )
            raise BadInput(clip.path or clip.name, "keypoints", problem)
        transl = self._place(pose, rest, rays, clip.fps)
        rotations, joints, _ = rest.pose(pose)
        landmarks = lift_feet(landmarks, rays, rotations, joints[..., 2] + transl[:, 2:], rest)
        pose = self._analytic(landmarks, visibility, rest, clip.fps)
        targets = Targets(landmarks, visibility, rays.ray, self._config.pixels * rays.steering, transl)
        pose, transl = self._fitted(pose, rest, targets, rays, clip.fps, ROUNDS)
        mean, said = torch.zeros(10), _facts(good, visibility, clip.video is None)
        return CameraFrameBody(pose[:, 0], pose[:, 1:], transl, mean, self._body.name, "landmarks", said)

    def _analytic(self, landmarks: Tensor, visibility: Tensor, rest: RestBody, fps: float) -> Tensor:
        steady = smooth_landmarks(landmarks.numpy(), visibility.numpy(), fps, self._config.acceleration)
        return analytic_pose(torch.from_numpy(steady).float(), rest)

    def _place(self, pose: Tensor, rest: RestBody, rays: Rays, fps: float, near: Tensor | None = None) -> Tensor:
        """Pelvis ``[T 3]``, camera frame, m; ``near``: its position before a small change of the pose."""
        points, limit = rest.pose(pose)[2], _PATH_ACCELERATION
        evidence = (points.numpy(), rays.ray.numpy(), rays.placing.numpy(), rays.focal.numpy())
        if near is None:
            return torch.from_numpy(fit_translation(*evidence, fps, limit)).float()
        return torch.from_numpy(fit_translation(*evidence, fps, limit, near.numpy(), AGAIN)).float()


def _landmarks(clip: Clip, observations: Observations) -> tuple[Tensor, Tensor, Bool[Tensor, "T"]]:
    """3D landmarks ``[T 33 3]``, with missing frames copied from the nearest one; visibility, 0 in those frames; mask
    of the frames with the person."""
    where = clip.path or clip.name
    if observations.landmarks is None:
        raise BadInput(where, "landmarks", "the detector gave no 3D landmarks; choose another --init")
    if observations.landmark_layout != LAYOUT:
        raise BadInput(where, "landmarks", f"layout '{observations.landmark_layout}', expected '{LAYOUT}'")
    landmarks = observations.landmarks.detach().float().cpu().numpy()
    extent = np.ptp(np.nan_to_num(landmarks[..., :3]), axis=1).max(-1)
    good = observations.valid.cpu().numpy() & np.isfinite(landmarks).all((1, 2)) & (extent > 1e-3)
    if not good.any():
        raise BadInput(where, "landmarks", "the person is not found in any frame")
    found = np.flatnonzero(good)
    nearest = found[np.searchsorted((found[1:] + found[:-1]) / 2, np.arange(len(landmarks)))]
    seen = np.where(good[:, None], landmarks[..., 3], 0.0).clip(0.0, 1.0)
    points = torch.from_numpy(landmarks[nearest][..., :3].copy())
    return points, torch.from_numpy(seen), torch.from_numpy(good)


def _facts(good: Bool[Tensor, "T"], visibility: Float[Tensor, "T 33"], tell: bool) -> dict[str, Any]:
    """``filled``: frames without the person; ``unseen``: limbs with a visibility below ``HIDDEN`` in most frames, so
    that their motion is mostly assumed. Both are logged; the former where ``tell``, since of videos it is said before.
    """
    filled = (~good).nonzero().flatten().tolist()
    facts: dict[str, Any] = {"filled": filled, "shape": "mean body, betas 0"}
    shown = visibility[good]
    unseen = [limb for limb, points in _LIMBS.items() if bool((shown[:, points].amin(1) < HIDDEN).float().mean() > 0.5)]
    facts["unseen"] = unseen
    if filled and tell:
        longest = int(np.diff(np.flatnonzero(np.r_[True, good.numpy(), True])).max()) - 1
        _log.warning(
            "landmarks: the person is not found in %d of %d frames (longest gap %d); these are interpolated",
            len(filled), len(good), longest,
        )  # fmt: skip
    if unseen:
        _log.warning("landmarks: %s hardly visible in most frames; their pose is mostly assumed", ", ".join(unseen))
    return facts
