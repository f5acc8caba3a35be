"""Initializer ``lift``: body, translation, vertical, velocity and contacts from 2D keypoints, with variances."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from diffopt_core.data.geometry import leg_length
from diffopt_core.data.rotation import slerp
from diffopt_core.data.skeleton import LAYOUTS, PARENTS, mirror_order
from diffopt_core.errors import BadInput
from diffopt_core.interfaces import BuildContext, Initializer
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, MotionEvidence, Observations, map_tensors
from jaxtyping import Bool, Float
from torch import Tensor

from ..initializer import LandmarksInitializer
from ..landmarks import LandmarksInitializerConfig
from ..refine import PoseTold
from .config import LIFT, LiftConfig
from .inputs import Evidence, Frame, observed
from .network import LiftNetwork, load
from .outputs import Outputs, read
from .windows import Bridge, bridge, run

#: Growth of the standard deviation after one second without observation: rad, log m, leg lengths per second.
_TURNS, _TILTS, _RECEDES, _DRIFTS, _SPEEDS = 0.8, 0.2, 0.2, 0.3, 0.8
#: Weight of the network in a fused joint. A regressor's errors change between frames and average out in the solve; the
#: network's errors last (docs/lift.md).
_TOWARDS = 0.75
#: Weight of the network's rotations beside landmarks, times one over their variances: errors of neighbouring frames are
#: alike, those of landmarks too.
_SHARE = 0.3


@dataclass(frozen=True)
class Lifted:
    """Estimates of one clip in metres and camera frames; variances per axis, calibrated on validation motion.

    ``rotations``: root, then 21 joints, rad^2. ``transl``: pelvis; ``depth_var`` is that of its log depth, ``ray_var``
    of its ray. ``up``: unit vector, rad^2. ``velocity``: of the pelvis in the heading frame (left, up, forward), m/s.
    ``contact``: probability that left and right ankle and foot are in contact. ``present``: frames with the person.
    """

    rotations: Float[Tensor, "T 22 3 3"]
    rotations_var: Float[Tensor, "T 22"]
    transl: Float[Tensor, "T 3"]
    depth_var: Float[Tensor, "T"]
    ray_var: Float[Tensor, "T"]
    up: Float[Tensor, "T 3"]
    up_var: Float[Tensor, "T"]
    velocity: Float[Tensor, "T 3"]
    velocity_var: Float[Tensor, "T 3"]
    contact: Float[Tensor, "T 4"]
    present: Bool[Tensor, "T"]


class LiftInitializer:
    """Implements :class:`diffopt_core.interfaces.Initializer`."""

    def __init__(self, config: LiftConfig, ctx: BuildContext):
        self._config, self._body = config, ctx.build("body", config.body)
        self._other: Initializer | None = ctx.build("initializer", config.fuse) if config.fuse else None
        self._landmarks = LandmarksInitializer(LandmarksInitializerConfig(body=config.body), ctx)
        path = LIFT.resolve(config.weights)
        self._network, self._card = _loaded(path, path.stat().st_mtime_ns)

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """Root in the camera frame, local rotations, pelvis in metres; float32, on the CPU.

        Keypoints do not determine the size of the body: it is that of ``rest_joints`` or of the mean body. Frames
        without the person are interpolated. A fused body that has its own ``evidence`` is not changed; one fitted to 3D
        landmarks is fitted on with the network's rotations, weighed by their variances, and gets its evidence. Raises
        BadInput if no frame has three keypoints that the network uses.
        """
        body = None if self._other is None else self._other.initialize(clip, observations, camera)
        if body is not None and body.evidence is not None:
            return body
        if body is not None and body.poses_from == "landmarks":
            # From 2D alone, also for the vertical: errors of the landmarks' depth tilt the whole body.
            made, lifted = self.both(clip, replace(observations, landmarks=None), camera)
            if observations.landmarks is not None:
                body = self._landmarks.towards(body, _told(lifted), observations, camera, clip)
            return replace(body, evidence=evidence_of(lifted), facts={**body.facts, "told": made.facts})
        made, lifted = self.both(clip, observations, camera, body)
        if body is None and observations.landmarks is None:  # nothing but the network tells left from right
            order = list(mirror_order(LAYOUTS[observations.layout]))
            other = replace(observations, keypoints=observations.keypoints[:, order])
            surer = _vagueness(lifted) - _vagueness(self.both(clip, other, camera)[1])
            made = replace(made, facts={**made.facts, "surer_if_exchanged": round(surer, 2)})
        return made

    def both(
        self,
        clip: Clip,
        observations: Observations,
        camera: CameraTrajectory,
        body: CameraFrameBody | None = None,
    ) -> tuple[CameraFrameBody, Lifted]:
        """The body, and all estimates of the network; ``body``: an estimate to fuse."""
        if body is not None and body.poses_from != "regressor":
            body = None  # from landmarks, which the network reads itself, or of unknown origin
        leg = self._leg(clip)
        evidence = observed(_on_cpu(observations), _on_cpu(camera), body, leg, clip.fps)
        raw, frame = run(self._network, evidence)
        present = frame.present[0] > 0
        if not bool(present.any()):
            problem = f"layout '{observations.layout}': no frame has three keypoints that initializer lift uses"
            raise BadInput(clip.path or clip.name, "keypoints", problem)
        lifted = metric(read(raw), frame, bridge(present, clip.fps), leg, self._card["calibration"])
        facts = {"weights": self._card["name"], "fused": _fused(evidence, body), **_facts(lifted)}
        hands = torch.eye(3).expand(len(present), 2, 3, 3)
        pose = torch.cat([lifted.rotations[:, 1:], hands], 1)
        if body is not None and evidence.pose_seen is not None:
            pose = slerp(pose, body.body_pose.float(), (1 - _TOWARDS) * evidence.pose_seen[0][:, None])
        made = CameraFrameBody(
            lifted.rotations[:, 0], pose, lifted.transl, torch.zeros(10), self._body.name, "regressor", facts,
            evidence_of(lifted),
        )  # fmt: skip
        return made, lifted

    def _leg(self, clip: Clip) -> float:
        rest = self._body.rest_joints(torch.zeros(1, 10))[0] if clip.rest_joints is None else clip.rest_joints
        return float(leg_length(rest - rest[[max(p, 0) for p in PARENTS]]))


@lru_cache(maxsize=1)
def _loaded(path: Path, changed: int) -> tuple[LiftNetwork, dict[str, Any]]:
    """The network of a file as it is since ``changed``, for all clips."""
    return load(path)


def metric(out: Outputs, frame: Frame, over: Bridge, leg: float, calibration: dict[str, float]) -> Lifted:
    """The network's outputs in metres, with gaps interpolated and calibrated variances."""

    def variance(log_var: Tensor, name: str, rate: float, unit: float = 1.0) -> Tensor:
        return over.variance(log_var.exp() * (unit * calibration[name]) ** 2, (unit * rate) ** 2)

    size, centre = frame.size[0], frame.centre[0]
    depth = over.mean(out.depth - size.log()).exp() * leg
    ray = over.mean(centre + out.ray * size.unsqueeze(-1))
    turned = torch.cat([out.rotations_log_var[:, :1].exp() * calibration["root"] ** 2,
                        out.rotations_log_var[:, 1:].exp() * calibration["pose"] ** 2], 1)  # fmt: skip
    aside = out.ray_log_var + 2 * size.log()
    return Lifted(
        rotations=over.rotation(out.rotations),
        rotations_var=over.variance(turned, _TURNS**2),
        transl=torch.cat([ray, torch.ones_like(ray[:, :1])], -1) * depth.unsqueeze(-1),
        depth_var=variance(out.depth_log_var, "depth", _RECEDES),
        ray_var=variance(aside, "ray", _DRIFTS),
        up=torch.nn.functional.normalize(over.mean(out.up), dim=-1),
        up_var=variance(out.up_log_var, "up", _TILTS),
        velocity=over.mean(out.velocity) * leg,
        velocity_var=variance(out.velocity_log_var, "velocity", _SPEEDS, leg),
        contact=over.mean(out.contact.sigmoid()),
        present=over.doubt == 0,
    )


def _told(lifted: Lifted) -> PoseTold:
    """The network's rotations for the fit to landmarks; none in frames without the person."""
    still = torch.eye(3).expand(len(lifted.present), 2, 3, 3)
    sure = _SHARE / lifted.rotations_var * lifted.present.unsqueeze(1)
    return PoseTold(torch.cat([lifted.rotations, still], 1), torch.nn.functional.pad(sure, (0, 2)))


def evidence_of(lifted: Lifted) -> MotionEvidence:
    """Convert to the solver's form. The hands, which the network does not estimate, have a tiny variance."""
    still = torch.full_like(lifted.rotations_var[:, :2], 1e-4)
    return MotionEvidence(
        up=lifted.up,
        up_var=lifted.up_var,
        velocity=lifted.velocity,
        velocity_var=lifted.velocity_var,
        contact=lifted.contact,
        pose_var=torch.cat([lifted.rotations_var, still], 1),
        depth_var=lifted.depth_var,
    )


def _facts(lifted: Lifted) -> dict[str, Any]:
    """``filled``: frames without the person; medians of the standard deviations."""
    seen = lifted.present

    def sd(variance: Tensor) -> float:
        return float(variance[seen].median().sqrt())

    return {
        "filled": (~seen).nonzero().flatten().tolist(),
        "sd": {
            "root_deg": round(sd(lifted.rotations_var[:, 0]) * 57.2958, 2),
            "pose_deg": round(sd(lifted.rotations_var[:, 1:]) * 57.2958, 2),
            "vertical_deg": round(sd(lifted.up_var) * 57.2958, 2),
            "speed_mps": round(sd(lifted.velocity_var[:, 2]), 3),
            "depth_percent": round(100 * sd(lifted.depth_var), 2),
        },
    }


def _vagueness(lifted: Lifted) -> float:
    """Sum of the mean logarithms of the variances of root, joints and vertical."""
    rotations = lifted.rotations_var[lifted.present].log().mean(0)
    return float(rotations[0] + rotations[1:].mean() + lifted.up_var[lifted.present].log().mean())


def _fused(evidence: Evidence, body: CameraFrameBody | None) -> list[str]:
    names = ["keypoints"]
    if evidence.landmarks is not None and bool((evidence.landmarks[..., 3] > 0).any()):
        names.append("landmarks")
    return names if body is None else [*names, str(body.facts.get("component", "given"))]


def _on_cpu(part: Any) -> Any:
    return map_tensors(part, lambda tensor: tensor.detach().cpu())
