"""Detector ``mediapipe``, and what its two backends need of their environment."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.common.npz import read_npz, write_npz
from diffopt_core.common.output import HINT
from diffopt_core.common.progress import track
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.host.registry import Registry
from diffopt_core.interfaces import BuildContext
from diffopt_core.perception.foreign import Needs, run_script
from diffopt_core.perception.weights import find, locate
from diffopt_core.types import Clip, Observations

from ..detectors import MediapipeConfig
from . import chunks as pieces
from .follow import FIRST, MOST, SECOND, Person, around, between, boxes_of, link, looks, paint, pick, right_person

_log = logging.getLogger(__name__)
#: The last release with models in its wheel. It requires JAX and NumPy 1, but uses neither for poses, so it is
#: installed without its dependencies, and the packages it does import are listed. It does not work with protobuf 5 and
#: later.
SOLUTIONS = Needs(
    name="mediapipe",
    packages=(
        "numpy>=1.26,<3", "opencv-python-headless>=4.10,<6", "protobuf>=4.25.3,<5", "absl-py>=2", "attrs>=23",
        "flatbuffers>=2", "matplotlib>=3.8",
    ),
    no_deps=("mediapipe==0.10.21",),
    python="3.9-3.12",
    modules=("mediapipe", "google.protobuf", "cv2"),
    how="in a Python 3.9 to 3.12: `pip install mediapipe==0.10.21`",
    size="about 350 MB",
)  # fmt: skip

TASKS = Needs(
    name="mediapipe-tasks",
    packages=("mediapipe>=1.2,<2",),
    python="3.10-3.14",
    modules=("mediapipe",),
    how="`pip install 'mediapipe>=1.2'`",
    size="about 580 MB",
)

#: Longest side of the masks, px.
MASK = 160
#: MediaPipe reliably finds people of at least this height, as a share of the longer side.
SMALL = 0.25
#: Surveyed frames per second: at first, and if there are several people.
RATE, DENSE = 1.0, 3.0
#: Models by ``complexity``.
_KINDS = ("lite", "full", "heavy")
Arrays = dict[str, np.ndarray]


class MediapipeDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`."""

    def __init__(self, config: MediapipeConfig, ctx: BuildContext):
        self._config, self._env = config, config.env or ctx.env or "uv"
        self._needs = TASKS if config.backend == "tasks" else SOLUTIONS

    def detect(self, clip: Clip) -> Observations:
        """Keypoints (``blazepose33``, px of the upright image; visibility as confidence), landmarks and masks.

        A frame without the person, or in which the tracker followed another person, has zeros and is not ``valid``.
        Raises BadInput without images or without a person in them, MissingResource without MediaPipe.
        """
        if clip.video is None:
            problem = "the clip has no images; give a video, or use the file's own keypoints (--detector given)"
            raise BadInput(clip.path or clip.name, "detector mediapipe", problem)
        settings = self._settings(clip)
        if self._config.complexity is None and settings["complexity"] != 2:
            _say_heavy(self._name(2))
        looked, people = self._people(clip, settings)
        person, facts = pick(people, clip, looked, clip.video.path)
        count, size = clip.num_frames, clip.video.size
        others = [other for other in people if other is not person]
        bystanders = around(others, count, gap=2 * count / len(looked))
        out, ran = self._follow(clip, settings, person, bystanders)
        points = out["points"].astype(np.float64)
        points[..., :2] *= np.array(size)  # shares of the image, independent of the size that MediaPipe processed
        boxes, enough = boxes_of(points, size)
        found = out["found"] & enough
        valid = found & right_person(boxes, found, person, others)
        if not valid.any():
            raise BadInput(clip.video.path, "person", f"no person could be tracked in {count} frames; {self._advice()}")
        masks = paint(out["masks"], bystanders, size)
        said = {
            "detector": "mediapipe",
            "backend": self._config.backend,
            "model": _KINDS[settings["complexity"]],
            **ran,
            "person": facts,
            "frames_without_person": int((~valid).sum()),
            "frames_of_another_person": int((found & ~valid).sum()),
            "bystanders_masked_as": "boxes" if others else "",
        }
        _tell(clip.video.path, valid, found)
        return Observations(
            keypoints=_zeroed(np.concatenate([points[..., :2], points[..., 3:].clip(0, 1)], -1), valid),
            layout="blazepose33",
            valid=torch.from_numpy(valid),
            landmarks=_zeroed(out["world"], valid),
            landmark_layout="blazepose33",
            masks=torch.from_numpy(masks),
            facts=said,
        )

    def _settings(self, clip: Clip) -> dict[str, Any]:
        """Settings of the script's job, which also identify the cache entry."""
        config, model = self._config, self._model()
        return {
            "backend": config.backend,
            "model": str(model) if model else None,
            "complexity": self._complexity(),
            "detection": config.detection_confidence,
            "tracking": 0.5,  # below it the person is detected again
            "longest": config.longest,
            "fps": clip.fps,
        }

    def state(self) -> str:
        """Which model is used; it depends on what was fetched."""
        return f"complexity {self._complexity()}"

    def _complexity(self) -> int:
        asked = self._config.complexity
        return asked if asked is not None else 2 if _fetched(self._name(2)) else 1

    def _name(self, complexity: int) -> str:
        """The model's name in ``diffopt weights list``."""
        if self._config.backend == "solutions":
            return f"pose-landmarker-{_KINDS[complexity]}"
        return f"pose-landmarker-{('lite', 'full', 'heavy-task')[complexity]}"

    def _model(self) -> Path | None:
        """The model's file; None for one that the environment has, or ought to."""
        given, complexity = self._config.model, self._complexity()
        if self._config.backend == "solutions":
            return _fetched(self._name(complexity)) if complexity == 2 else None
        if given is None:
            return locate(self._name(complexity))
        if not given.expanduser().is_file():
            raise MissingResource(
                f"detector mediapipe: model {given} does not exist; "
                "`diffopt weights get pose-landmarker-full` downloads "
                "Google's bundle, which is then used by default"
            )
        return given.expanduser().absolute()

    def _cache(self, clip: Clip, settings: dict[str, Any], **more: Any) -> Path:
        model = settings["model"]
        key = {**settings, "model": pieces.content(Path(model)) if model else None, "needs": self._needs.packages}
        return pieces.folder_of(clip, {**key, "env": self._env, **more})

    def _people(self, clip: Clip, settings: dict[str, Any]) -> tuple[np.ndarray, list[Person]]:
        """Surveyed frames and the people found in them; surveys more frames if there are several people, or none."""
        looked = looks(clip.num_frames, clip.fps, RATE, FIRST)
        people = self._survey(clip, settings, looked)
        if len(people) != 1:
            looked = looks(clip.num_frames, clip.fps, DENSE, SECOND, least=10)
            people = self._survey(clip, settings, looked)
        if not people:
            assert clip.video is not None
            problem = f"no person is found in {len(looked)} surveyed frames (of {clip.num_frames})"
            raise BadInput(clip.video.path, "person", f"{problem}; {self._advice()}")
        return looked, people

    def _survey(self, clip: Clip, settings: dict[str, Any], looked: np.ndarray) -> list[Person]:
        assert clip.video is not None
        path = self._cache(clip, settings, looked=looked.tolist()) / "people.npz"
        if not path.is_file():
            numbers = tuple(clip.video.frames[i] for i in looked)
            job = {**settings, "mode": "survey", "most": MOST}
            write_npz(path, self._run("looking for people", clip, job, numbers))
        seen = read_npz(path)
        return link(looked[seen["index"]], seen["boxes"] * np.array([*clip.video.size, *clip.video.size]))

    def _follow(
        self, clip: Clip, settings: dict[str, Any], person: Person, bystanders: np.ndarray
    ) -> tuple[Arrays, dict[str, Any]]:
        """Points, world points, found and masks of all frames; and facts about the tracking."""
        assert clip.video is not None
        size, expected = clip.video.size, between(person, clip.num_frames)
        small = float(np.median(expected[:, 3] - expected[:, 1])) < SMALL * max(size)
        # one large person: MediaPipe processes the images unchanged
        share = np.array([*size, *size])
        plan: list[list[Any]] | None = None
        if bystanders.shape[1]:
            pairs = zip(expected / share, bystanders / share, strict=True)
            plan = [[own.round(4).tolist(), them[np.isfinite(them[:, 0])].round(4).tolist()] for own, them in pairs]
        where = expected.round().tolist() if small else None
        folder = self._cache(clip, settings, windows=plan, close_up=where)
        chunks = pieces.plan_close_up(np.array(where), size, folder) if small else pieces.plan(clip.num_frames, folder)
        ran: dict[str, Any] = {"longest": self._config.longest, "close_up": small, "chunks": len(chunks)}
        ran["chunks_from_cache"] = sum(chunk.done for chunk in chunks)
        if ran["chunks_from_cache"] < len(chunks):
            video, rows, needed = pieces.still_to_do(clip.video, chunks)
            chunks[0].path.parent.mkdir(parents=True, exist_ok=True)
            job = {**settings, "mode": "track", "chunks": rows, "mask": MASK}
            job["windows"] = [plan[i] for i in needed] if plan is not None else None
            start = time.monotonic()
            self._run("mediapipe", clip, job, video.frames)
            ran["ms_per_frame"] = round(1e3 * (time.monotonic() - start) / len(video.frames), 1)
            _log.info("%s: %.0f ms per frame", clip.video.path, ran["ms_per_frame"])
        out = pieces.gather(chunks)
        return out, {**ran, **{key: str(out[key]) for key in ("version", "python")}}

    def _run(self, title: str, clip: Clip, job: dict[str, Any], numbers: tuple[int, ...]) -> Arrays:
        assert clip.video is not None
        video = replace(clip.video, frames=numbers)
        with track(title, len(numbers)) as update:
            return run_script(
                self._env,
                self._needs,
                pieces.SCRIPT,
                job,
                video,
                self._config.longest,
                lambda done, total: update(done),
            )

    def _advice(self) -> str:
        lower = self._config.detection_confidence / 2
        return (
            f"is a whole person visible, upright, at least a fifth of the image high? Try --set "
            f"detector.detection_confidence={lower:g}, a cropped video, or --detector vitpose"
        )


def _fetched(name: str) -> Path | None:
    """Checked path of a model, if it is in the weights folder."""
    found = find(Registry.load().weight_file(name))
    return found.path if found else None


@cache
def _say_heavy(name: str) -> None:
    """Once a process; the detector's results are cached, so once a video too."""
    _log.warning(
        "%smediapipe's full model is used; its heavy one errs a fifth less and is taken as soon as it is there: "
        "diffopt weights get %s (28 MB)",
        HINT,
        name,
    )


def _zeroed(values: np.ndarray, valid: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.where(valid[:, None, None], values, 0.0)).float()


def _tell(path: Path, valid: np.ndarray, found: np.ndarray) -> None:
    """Frames without the person are told for all detectors alike; not why."""
    if other := int((found & ~valid).sum()):
        _log.warning("%s: %d of %d frames show another person or object; not used", path, other, len(valid))
