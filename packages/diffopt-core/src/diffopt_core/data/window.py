"""Stacking clips of one frame rate into a batch: ``T`` to ``B T``, and back; cutting clips."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..errors import BadInput, DiffOptError
from ..types import (
    CameraFrameBody,
    CameraTrajectory,
    Clip,
    HumanMotion,
    MotionEvidence,
    Observations,
    Travel,
    map_tensors,
)
from .ragged import inside

log = logging.getLogger(__name__)

#: A camera that moves and turns less than this is static: in its path's unit (metres, or about the scene's depth); rad.
STILL, STEADY = 0.005, 0.001


@dataclass(frozen=True)
class Evidence:
    """The evidence of one clip (``T``), as perception returns it."""

    clip: Clip
    observations: Observations
    camera: CameraTrajectory
    body: CameraFrameBody


@dataclass(frozen=True)
class Batch:
    """Evidence of the clips that are solved together, ``B T``: a shorter clip's last frame is repeated, not valid."""

    clips: tuple[Clip, ...]
    fps: float
    observations: Observations
    camera: CameraTrajectory
    global_orient: Float[Tensor, "B T 3 3"]
    body_pose: Float[Tensor, "B T 23 3 3"]
    transl: Float[Tensor, "B T 3"]
    betas: Float[Tensor, "B 10"]
    betas_of: str
    rest_joints: Float[Tensor, "B 24 3"] | None
    evidence: MotionEvidence | None = None

    @property
    def lengths(self) -> tuple[int, ...] | None:
        """Frames of each clip; None if they are the same."""
        lengths = tuple(clip.num_frames for clip in self.clips)
        return lengths if len(set(lengths)) > 1 else None

    @cached_property
    def own(self) -> Bool[Tensor, "B T"] | None:
        """Mask of each clip's own frames; None: all are."""
        return None if self.lengths is None else inside(self.lengths, self.transl.shape[1], self.transl.device)


def key(evidence: Evidence) -> tuple:
    """Clips with equal keys can be stacked into one batch, whatever their lengths."""
    clip = evidence.clip
    has_rest = clip.rest_joints is not None
    camera = (evidence.camera.unit, evidence.camera.level, evidence.camera.held)
    parts = (has_rest, evidence.body.evidence is not None, evidence.camera.up is not None)
    return (clip.fps, evidence.observations.layout, evidence.body.betas_of, *parts, *camera)


def _filled(item: Evidence, frames: int) -> Evidence:
    """Evidence with the last frame repeated up to ``frames``, where nothing is seen."""
    own = item.clip.num_frames
    if own == frames:
        return item

    def held(tensor: Tensor) -> Tensor:
        return torch.cat([tensor, tensor[-1:].expand(frames - own, *tensor.shape[1:])])

    observations = map_tensors(item.observations, held)
    observations.keypoints[own:, :, 2] = 0
    observations.valid[own:] = False
    body = item.body
    evidence = None if body.evidence is None else map_tensors(body.evidence, held)
    if evidence is not None:
        evidence.contact[own:] = 0
    body = replace(
        body,
        global_orient=held(body.global_orient),
        body_pose=held(body.body_pose),
        transl=held(body.transl),
        evidence=evidence,
    )
    return replace(item, observations=observations, camera=map_tensors(item.camera, held), body=body)


def stack(evidence: Sequence[Evidence], device: torch.device) -> Batch:
    """Stack clips into a batch on a device, in float32."""
    if len({key(item) for item in evidence}) != 1:
        raise DiffOptError(
            "clips of one batch must have the same frame rate, keypoint layout, body model and kind of camera"
        )
    longest = max(item.clip.num_frames for item in evidence)
    evidence = [_filled(item, longest) for item in evidence]

    def side_by_side(tensors: Sequence[Tensor]) -> Tensor:
        out = torch.stack(list(tensors)).to(device)
        return out.float() if out.is_floating_point() else out

    first = evidence[0]
    said = [item.body.evidence for item in evidence if item.body.evidence is not None]
    names = [field.name for field in fields(MotionEvidence)]
    ups = [item.camera.up for item in evidence if item.camera.up is not None]
    rest = [item.clip.rest_joints for item in evidence if item.clip.rest_joints is not None]
    return Batch(
        clips=tuple(item.clip for item in evidence),
        fps=first.clip.fps,
        observations=Observations(
            keypoints=side_by_side([item.observations.keypoints for item in evidence]),
            layout=first.observations.layout,
            valid=side_by_side([item.observations.valid for item in evidence]),
        ),
        camera=CameraTrajectory(
            R=side_by_side([item.camera.R for item in evidence]),
            t=side_by_side([item.camera.t for item in evidence]),
            focal=side_by_side([item.camera.focal for item in evidence]),
            centre=side_by_side([item.camera.centre for item in evidence]),
            unit=first.camera.unit,
            level=first.camera.level,
            held=first.camera.held,
            up=side_by_side(ups) if ups else None,
            up_var=side_by_side([item.camera.up_var for item in evidence if item.camera.up_var is not None])
            if ups
            else None,
        ),
        global_orient=side_by_side([item.body.global_orient for item in evidence]),
        body_pose=side_by_side([item.body.body_pose for item in evidence]),
        transl=side_by_side([item.body.transl for item in evidence]),
        betas=side_by_side([item.body.betas for item in evidence]),
        betas_of=first.body.betas_of,
        rest_joints=side_by_side(rest) if rest else None,
        evidence=MotionEvidence(*(side_by_side([getattr(e, name) for e in said]) for name in names)) if said else None,
    )


def travel_of(R: Float[Tensor, "T 3 3"], t: Float[Tensor, "T 3"]) -> Travel:
    """Classify a camera path (world to camera) as static, rotating or moving."""
    place = -(R.mT @ t.unsqueeze(-1)).squeeze(-1)
    if bool((place - place[:1]).norm(dim=-1).max() > STILL):
        return "travels"
    axes = (R - R[:1]).flatten(1).norm(dim=-1)  # for small angles, sqrt(2) times the angle
    return "turns" if bool(axes.max() > 2**0.5 * STEADY) else "stands"


def pick(value: Any, index: int, frames: int | None = None) -> Any:
    """Clip ``index`` of a motion, a camera or a tensor with leading ``B T``: its first ``frames`` (None: all), on the
    CPU and detached."""
    if isinstance(value, HumanMotion):
        betas = value.betas[index].detach().cpu()
        return replace(value, pose=pick(value.pose, index, frames), trans=pick(value.trans, index, frames), betas=betas)
    return map_tensors(value, lambda tensor: tensor[index, :frames].detach().cpu())


def cut(clip: Clip, start: int, stop: int | None, fps: float | None, resample: float | None = None) -> Clip:
    """The frames ``start .. stop`` of a clip, its truth and evidence, at the frame rate that the user states.

    ``resample``: keep the nearest frames at that rate (frames are not interpolated: a rate above the clip's is
    refused).
    """
    end = clip.num_frames if stop is None else min(stop, clip.num_frames)
    if stop is not None and stop > clip.num_frames:
        log.warning("%s: frames %d:%d: the clip ends with frame %d", clip.name, start, stop, clip.num_frames - 1)
    rate = fps or clip.fps
    step = 1.0 if resample is None else rate / resample
    if step < 1 - 1e-6:
        raise DiffOptError(f"{clip.name}: resampling to {resample:g} fps would need frames that {rate:g} fps lacks")
    kept = start + torch.arange(0, max(end - start - 0.5, 0), step, dtype=torch.float64).round().long()
    if len(kept) < 3:
        few = f" ({len(kept)} are left at {resample:g} fps)" if resample else ""
        raise DiffOptError(f"{clip.name}: frames {start}:{end} of {clip.num_frames}: at least 3 are needed{few}")
    if len(kept) == clip.num_frames:
        return replace(clip, fps=rate)

    def span(tensor: Tensor) -> Tensor:
        return tensor[kept] if tensor.ndim and tensor.shape[0] == clip.num_frames else tensor

    parts: dict[str, Any] = {
        name: None if getattr(clip, name) is None else map_tensors(getattr(clip, name), span)
        for name in ("observations", "body", "camera", "truth")
    }
    if clip.video is not None:
        frames = tuple(clip.video.frames[i] for i in kept.tolist())
        parts["video"] = replace(clip.video, frames=frames, first=clip.video.first + start)
    return replace(clip, fps=rate / step, num_frames=len(kept), **parts)


def with_focal(clip: Clip, focal: float, source: str) -> Clip:
    """``clip`` with the focal length that the user states; the camera in the file is changed accordingly."""
    if focal <= 0:
        raise BadInput(clip.path or clip.name, "focal", f"{focal:g} px, expected a positive length")
    camera = clip.camera
    if camera is not None:
        camera = replace(
            camera, focal=camera.focal.new_full(camera.focal.shape, focal), facts={**camera.facts, "focal_from": source}
        )
    return replace(clip, focal=focal, focal_from=source, camera=camera)
