"""Score a motion against the truth of its clip under named protocols.

:func:`report` scores one motion, :func:`score_files` two files without a body model. Good frames are those that the
truth marks as good (all if it has no marks) and in which every true joint is finite. The other frames are dropped, and
the remaining ones are treated as adjacent, as in EMDB's evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.skeleton import LAYOUTS
from ...errors import DiffOptError, UnknownName
from ...interfaces import Body, MeshBody, Metric
from ...types import CameraTrajectory, Clip, HumanMotion, Truth, map_tensors
from . import DEFAULT
from .evidence import ScoredMotion
from .report import Build, Report, metrics_named, score, scored_from_files

#: Frames whose vertices are computed at once, to limit the memory of long clips.
_MESH_FRAMES = 256


def report(
    clip: Clip,
    motion: HumanMotion,
    body: Body,
    names: Sequence[str] = DEFAULT,
    camera: CameraTrajectory | None = None,
    build: Build | None = None,
) -> Report:
    """Mean of each metric over the clip (nan if it has no value), with units, per-frame values and the reasons for
    missing values.

    ``motion`` and ``camera`` have leading ``T``, as in a Result; without ``camera``, camera-frame metrics are nan.
    Raises DiffOptError if the clip has no truth or another number of frames, UnknownName for an unknown metric.
    """
    metrics = metrics_named(names, build)  # first, so that an unknown name fails before a body model is built
    return score(scored_of(clip, motion, body, camera), metrics)


def report_truth(clip: Clip, motion: HumanMotion, body: Body, names: Sequence[str], build: Build | None) -> Report:
    """As :func:`report`, of the truth itself: 0 for an error, and what true motion has where less is not better.

    ``motion``: of the clip, whose body and frames are taken.
    """
    return _of_truth(scored_of(clip, motion, body), metrics_named(names, build))


def score_truth(
    pred: Path | str, truth: Path | str, names: Sequence[str] = DEFAULT, build: Build | None = None
) -> Report:
    """As :func:`score_files`, of the truth itself at the frame rate of ``pred``."""
    return _of_truth(good_frames(scored_from_files(pred, truth)), metrics_named(names, build))


def _of_truth(scored: ScoredMotion, metrics: Mapping[str, Metric]) -> Report:
    """Rounded to six digits, so that a fit of a motion on itself is 0."""
    own = replace(
        scored,
        pred=scored.true,
        pred_vertices=scored.true_vertices,
        pred_motion=scored.true_motion,
        pred_camera=scored.true_camera,
    )
    found = score(own, metrics)
    return replace(
        found,
        values={name: round(value, 6) for name, value in found.values.items()},
        frames={name: rows.round(decimals=6) for name, rows in found.frames.items()},
    )


def score_files(
    pred: Path | str, truth: Path | str, names: Sequence[str] = DEFAULT, build: Build | None = None
) -> Report:
    """Score a result folder (or its ``motion.npz``) against a truth file; BadInput names file and key."""
    metrics = metrics_named(names, build)
    return score(good_frames(scored_from_files(pred, truth)), metrics)


def scored_of(clip: Clip, motion: HumanMotion, body: Body, camera: CameraTrajectory | None = None) -> ScoredMotion:
    """Points of the truth and of a motion, good frames only."""
    truth = clip.truth
    if truth is None:
        raise DiffOptError(
            f"clip '{clip.name}' has no ground truth to score against; give a truth file (docs/formats.md)"
        )
    if truth.layout not in LAYOUTS:
        raise UnknownName("joint layout", truth.layout, LAYOUTS)
    if len(motion.trans) != len(truth.joints):
        raise DiffOptError(f"clip '{clip.name}': {len(motion.trans)} frames, its truth has {len(truth.joints)}")
    layout = LAYOUTS[truth.layout]
    index = list(range(len(layout)) if truth.index is None else truth.index)
    if len(index) != truth.joints.shape[1]:
        raise DiffOptError(f"clip '{clip.name}': its truth has {truth.joints.shape[1]} joints, expected {len(index)}")
    batch = batched(motion)
    with torch.no_grad():
        pred = body.joints(batch) if truth.layout == "smpl24" else body.keypoints(batch, truth.layout)
        vertices, true_vertices = _meshes(body, motion, truth)
    return good_frames(
        ScoredMotion(
            pred=pred[0][:, index].cpu(),
            true=truth.joints.cpu(),
            fps=clip.fps,
            names=tuple(layout[i] for i in index),
            pred_vertices=vertices,
            true_vertices=true_vertices,
            pred_motion=_on_cpu(motion),
            true_motion=_on_cpu(truth.motion),
            pred_camera=_on_cpu(camera),
            true_camera=_on_cpu(truth.camera),
            good=_on_cpu(truth.good),
        )
    )


def good_frames(scored: ScoredMotion) -> ScoredMotion:
    """Keep the frames that are marked as good and whose true joints are all finite.

    If none are left, metrics raise NotScorable.
    """
    good = scored.true.isfinite().all(-1).all(-1)
    if scored.good is not None:
        good = good & scored.good
    scored = replace(scored, good=None)
    if good.all():
        return scored

    def keep(value: Any) -> Any:
        return map_tensors(value, lambda x: x[good])

    def keep_motion(motion: HumanMotion | None) -> HumanMotion | None:
        # Betas have no frame dimension.
        return None if motion is None else replace(motion, pose=keep(motion.pose), trans=keep(motion.trans))

    whole = ("pred", "true", "pred_vertices", "true_vertices", "pred_camera", "true_camera")
    kept: dict[str, Any] = {key: keep(getattr(scored, key)) for key in whole}
    kept |= {key: keep_motion(getattr(scored, key)) for key in ("pred_motion", "true_motion")}
    return replace(scored, **kept)


def _on_cpu(value: Any) -> Any:
    return map_tensors(value, lambda x: x.detach().cpu())


def batched(motion: HumanMotion) -> HumanMotion:
    """A motion as a batch of one clip, ``1 T``."""
    betas = motion.betas if motion.betas.ndim == 2 else motion.betas[None]
    return replace(motion, pose=motion.pose[None], trans=motion.trans[None], betas=betas)


def _meshes(body: Body, motion: HumanMotion, truth: Truth) -> tuple[Tensor | None, Tensor | None]:
    """Predicted and true vertices; None without a mesh, or if the true betas belong to a body with another mesh."""
    if not isinstance(body, MeshBody):
        return None, None
    ours, true = _vertices(body, motion), truth.motion
    if true is None:
        return ours, None
    if truth.body is None:
        return ours, _vertices(body, true) if true.betas_of == motion.betas_of else None
    same = isinstance(truth.body, MeshBody) and torch.equal(truth.body.faces.cpu(), body.faces.cpu())
    return ours, _vertices(truth.body, true) if same else None


def _vertices(body: MeshBody, motion: HumanMotion) -> Float[Tensor, "T V 3"]:
    parts = zip(motion.pose.split(_MESH_FRAMES), motion.trans.split(_MESH_FRAMES), strict=True)
    chunks = [batched(replace(motion, pose=pose, trans=trans)) for pose, trans in parts]
    return torch.cat([body.vertices(chunk)[0].cpu() for chunk in chunks])
