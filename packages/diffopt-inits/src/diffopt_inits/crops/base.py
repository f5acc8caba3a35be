"""Crop-based regressors: boxes of the person, and conversion from the crop's camera to the full image."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
from diffopt_core.common.progress import track as progress
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_core.interfaces import BuildContext
from diffopt_core.perception.foreign import Needs, run_script
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, Observations
from diffopt_formats.fields import numbers, rotations
from diffopt_formats.frames import source_frames
from diffopt_formats.tracks import Track, Weak

from ..people import boxes_around
from ..readers.body import body_of
from ..readers.configs import CropConfig

_log = logging.getLogger(__name__)


class CropInitializer(ABC):
    """Base class of crop-based initializers. ``name``: of the component; ``tool``: of the system; ``uv``: why uv cannot
    build its environment."""

    name: ClassVar[str]
    tool: ClassVar[str]
    needs: ClassVar[Needs]
    script: ClassVar[Path]
    uv: ClassVar[str] = ""

    def __init__(self, config: CropConfig, ctx: BuildContext):
        self._config, self._env, self._device = config, config.env or ctx.env or "here", str(ctx.device)

    @abstractmethod
    def job(self, folder: Path) -> dict[str, Any]:
        """Entries of the script's job besides boxes, batch and device. ``folder``: for temporary files.

        Raises MissingResource if something is missing.
        """

    def found(self, result: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The script's result in the form that :func:`body_of_crops` takes. Raises MissingResource if the script
        reports something missing."""
        return result

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """One body per frame, placed with the camera's focal length; frames without the person are interpolated and
        listed.

        Raises MissingResource without the system, its data or its packages, BadInput without a video.
        """
        boxes = boxes_for(clip, observations)
        if self._env == "uv":
            raise MissingResource(
                f"initializer {self.name}: uv cannot build its environment{self.uv}: {self.needs.how}"
            )
        with TemporaryDirectory() as folder:
            own = {"boxes": boxes, "batch": self._config.batch, "device": self._device}
            job = {**own, **self.job(Path(folder))}
            with progress(self.name, clip.num_frames) as update:
                result = run_script(
                    self._env, self.needs, self.script, job, clip.video, report=lambda done, total: update(done)
                )
        return body_of_crops(self.found(result), clip, camera, self.tool, self._config.smpl)


def boxes_for(clip: Clip, observations: Observations) -> list[list[float] | None]:
    """Bounding box x0 y0 x1 y1 (px) of the keypoints in each frame; None if the person is not detected.

    Raises BadInput without a video, or without any detection.
    """
    where = clip.path or clip.name
    if clip.video is None:
        raise BadInput(where, "video", "the clip has no images; give a result file, or use --init given")
    boxes = boxes_around(observations)
    seen = np.isfinite(boxes).all(1)
    if not seen.any():
        raise BadInput(
            where, "keypoints", "the person is not detected in any frame, so there is no box for the network"
        )
    return [box.tolist() if there else None for box, there in zip(boxes, seen, strict=True)]


def body_of_crops(
    found: dict[str, np.ndarray],
    clip: Clip,
    camera: CameraTrajectory,
    tool: str,
    smpl: Path | None,
) -> CameraFrameBody:
    """Convert a script's result to the clip's body.

    ``found``: ``frames`` n (of the clip), ``orient`` n 3 3, ``body_pose`` n 23 3 3, ``betas`` n 10, ``cam`` n 3 (s, tx,
    ty of a square crop), ``centre`` n 2 and ``side`` n of that crop, px. The crop's camera is weak perspective: a point
    X is projected to s (X + t) half sides from the crop's centre, which in the full image is a scale of s side / 2 px
    per metre; the focal length of the clip's camera then gives a translation. Raises DiffOptError for a result of other
    shapes.
    """
    where = Path(f"result of {tool}")
    frames = _array(found, "frames", tool).astype(np.int64)
    n = len(frames)
    if not n or (np.diff(frames) <= 0).any() or frames[0] < 0 or frames[-1] >= clip.num_frames:
        raise DiffOptError(
            f"{tool}: its script returned {n} frames of {clip.num_frames} that are not in increasing order"
        )
    numbered = source_frames(clip)[frames]
    # a repeated source frame was processed twice
    _, once = np.unique(numbered, return_index=True)

    def values(key: str, shape: tuple[int, ...]) -> np.ndarray:
        return numbers(where, key, _array(found, key, tool), (n, *shape))[once]

    cam, centre, side = values("cam", (3,)), values("centre", (2,)), values("side", ())
    scale = cam[:, 0] * side / 2
    if (scale <= 0).any():
        bad = int((scale <= 0).sum())
        _log.warning("%s: %d frames with the person behind the camera; these are interpolated", tool, bad)
    good = scale > 0
    if not good.any():
        raise DiffOptError(f"{tool}: the person is behind the camera in every frame")
    middle = np.array(clip.size) / 2
    offset = cam[good, 1:] + (centre[good] - middle) / scale[good, None]
    track = Track(
        tool=tool,
        id="0",
        frames=numbered[once][good],
        orient=rotations(where, "orient", values("orient", (3, 3))[good]),
        body_pose=rotations(where, "body_pose", values("body_pose", (23, 3, 3))[good]),
        betas=values("betas", (10,))[good],
        weak=Weak(scale[good], offset),
        size=clip.size,
    )
    # the boxes are those of the detector's person, so no choice is needed
    body = body_of([track], replace(clip, person="longest"), smpl, camera, where)
    facts = {key: value for key, value in body.facts.items() if key != "person"}
    return replace(body, facts={**facts, "boxes": "around the keypoints"})


def _array(found: dict[str, np.ndarray], key: str, tool: str) -> np.ndarray:
    if key not in found:
        raise DiffOptError(f"{tool}: its script saved no '{key}' (it saved {', '.join(sorted(found)) or 'nothing'})")
    return found[key]
