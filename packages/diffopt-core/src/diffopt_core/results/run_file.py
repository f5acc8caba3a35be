"""``run.json``: what a reader wants to know of a run, and what ``diffopt run RUN.json`` needs to repeat it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..common.documents import read_json
from ..errors import BadInput
from ..host.recipe import Recipe
from ..types import CameraFrameBody, CameraTrajectory, Clip, Observations, Result
from .saved.result import RUN_FORMAT


def fingerprint(recipe: Recipe, seed: int, device: str, content: str | None) -> str:
    """Equal for runs that would give the same result. ``content``: :func:`content_of` the clip."""
    text = json.dumps([recipe.dump(), seed, device, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def content_of(clip: Clip) -> str | None:
    """What a result of this clip depends on: its file, and the truth that its scores stand against."""
    truth = clip.truth
    if truth is None:
        return clip.sha256
    digest = hashlib.sha256(f"{clip.sha256} {truth.layout} {truth.index}".encode())
    motion, camera = truth.motion, truth.camera
    parts = [truth.joints, truth.good, truth.boxes]
    parts += [motion.pose, motion.trans, motion.betas] if motion is not None else []
    parts += [camera.R, camera.t, camera.focal] if camera is not None else []
    for part in parts:
        digest.update(b"none" if part is None else f"{part.dtype} {tuple(part.shape)}".encode())
        digest.update(b"" if part is None else part.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def check_version(file: Path, reads: str = "reads") -> None:
    """Raise BadInput where ``file`` is the run file of another version; one that is no run file passes."""
    try:
        version = read_json(file)["diffopt_run"]
    except (BadInput, KeyError, TypeError):
        return
    if version != RUN_FORMAT:
        raise BadInput(file, "diffopt_run", f"is {version!r}, of another version; this diffopt {reads} {RUN_FORMAT}")


def run_json(result: Result, plugins: Sequence[str], seed: int, device: str, mark: str) -> dict[str, Any]:
    """Contents of ``run.json``. ``plugins``: the ``-p`` options; ``mark``: the fingerprint."""
    clip = result.clip
    return {
        "diffopt_run": RUN_FORMAT,
        "fingerprint": mark,
        "clip": clip.name,
        "inputs": result.provenance["batch"],
        "plugins": list(plugins),
        "sha256": clip.sha256,
        "seed": seed,
        "device": device,
        "status": str(result.status),
        "fps": clip.fps,
        "fps_from": clip.facts.get("fps_from", "the clip's file"),
        "focal_from": focal_from(result),
        "evidence": evidence(result),
        "body_model": result.body_model,
        "metrics": result.metrics,
        "provenance": result.provenance,
        "recipe": result.recipe,
    }


def focal_from(result: Result) -> str:
    """Where the focal length is from, in words."""
    camera = result.clip.camera
    known = camera.facts.get("focal_from") if camera else None
    return str(known or result.clip.focal_from or "the clip's file")


def evidence(result: Result) -> dict[str, Any]:
    """What the clip, the detector, the camera source and the initializer say of themselves."""
    return {"clip": result.clip.facts} | {kind: part.facts | said_of(part) for kind, part in result.clip.parts.items()}


def said_of(part: Observations | CameraTrajectory | CameraFrameBody) -> dict[str, Any]:
    """What the program decides by, as plain data."""
    if isinstance(part, CameraTrajectory):
        filled = [] if part.filled is None else part.filled.nonzero().flatten().tolist()
        return {"unit": part.unit, "travel": part.travel, "trusted": part.trusted, "filled": filled}
    return {"poses_from": part.poses_from} if isinstance(part, CameraFrameBody) else {}
