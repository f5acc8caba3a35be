"""Detector ``vitpose``: ViTPose in its environment, or its result files."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from diffopt_core.common.output import PASSING
from diffopt_core.common.progress import track as progress
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.host.registry import Registry
from diffopt_core.interfaces import BuildContext
from diffopt_core.perception.foreign import Needs, run_script
from diffopt_core.perception.video import reduced_size
from diffopt_core.perception.weights import find, remedy
from diffopt_core.types import Clip, Observations
from diffopt_formats.frames import source_frames

from ..detectors import VitposeConfig
from ..openpose import read_folder
from ..people import Detections, Track, boxes_around, check_keypoints, choose, link, observations_of
from .files import read_boxes, read_results

_log = logging.getLogger(__name__)
SCRIPT = Path(__file__).with_name("script.py")
NEEDS = Needs(
    name="vitpose",
    packages=("torch>=2.4", "transformers>=5.0", "scipy", "pillow", "numpy"),
    python="3.10-3.14",
    modules=("torch", "transformers", "scipy", "PIL"),
    how="pip install 'diffopt-inits[vitpose]' (transformers, pillow, scipy), or --env uv",
    size="about 5 GB",
)


@dataclass(frozen=True)
class Model:
    """Where a hub model is: a folder, the weights folder, or the hub's cache.

    ``source``: argument of ``from_pretrained``. ``how``: what to do if it is missing."""

    source: str
    how: str


def resolve(name: str, download: bool, option: str) -> Model:
    """Resolve a local folder, a name from `diffopt weights list` (the folder if it was downloaded, else its hub id), or
    a hub id. If a download is allowed, licence and size are logged. Raises BadInput for damaged weights."""
    if Path(name).expanduser().is_dir():
        folder = Path(name).expanduser().resolve()
        return Model(str(folder), f"{folder} has no transformers model for this task (config.json, weights)")
    rows = Registry.load().weights
    file = rows.get(name) or next((row for row in rows.values() if row.hub == name), None)
    if file is not None and file.hub and (found := find(file)) is not None:
        return Model(str(found.path), f"{found.path} is incomplete; remove it and {remedy(file)}")
    hub = file.hub if file is not None and file.hub else name
    if download:
        known = (
            f"{file.licence}, {(file.size or 0) / 1e6:.0f} MB"
            if file is not None
            else "for licence and size see its page"
        )
        _log.warning("%s: downloaded from https://huggingface.co/%s unless it is in the cache (%s)", name, hub, known,
                     extra=PASSING)  # fmt: skip
    how = remedy(file) if file is not None else f"name a local folder with --set detector.{option}=FOLDER"
    return Model(hub, f"{how}; or allow transformers to download it: --set detector.download=true")


class VitposeDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`."""

    def __init__(self, config: VitposeConfig, ctx: BuildContext):
        self._config, self._env, self._device = config, config.env or ctx.env or "here", str(ctx.device)
        self._boxes_from = ctx.build("detector", config.boxes_from) if config.boxes_from else None

    def detect(self, clip: Clip) -> Observations:
        """Keypoints of one person. Raises MissingResource without transformers or a model, BadInput without a video or
        a person."""
        if clip.video is None:
            raise BadInput(clip.path or clip.name, "video", "the clip has no images; use --detector given")
        boxes, source = self._boxes(clip)
        longest = self._config.longest
        scale = reduced_size(clip.video.size, longest)[0] / clip.video.size[0]
        found = self._run(clip, None if boxes is None else boxes * scale)
        frames = found["frames"].astype(np.int64)
        if not len(frames):
            raise BadInput(clip.path or clip.name, "people", f"no person is found in {clip.num_frames} frames")
        points = found["keypoints"].astype(np.float64)
        points[..., :2] /= scale
        points = check_keypoints(points, 17, clip.path or Path(clip.name), "keypoints of vitpose")
        numbers = source_frames(clip)[frames]
        _, first = np.unique(numbers, return_index=True)
        if boxes is not None:
            tracks = [Track("0", numbers[first], points[first])]
        else:
            shown_once = np.isin(frames, frames[first])  # a repeated source frame was processed twice
            rows = Detections(numbers[shown_once], points[shown_once], found["boxes"][shown_once] / scale)
            tracks = link(rows)
        track, person = choose(tracks, clip, clip.path or clip.name)
        facts = {"model": self._config.model, "boxes": source, "person": person}
        return observations_of(track, clip, "coco17", facts)

    def _boxes(self, clip: Clip) -> tuple[np.ndarray | None, str]:
        if self._config.boxes is not None:
            return read_boxes(self._config.boxes.expanduser(), clip), str(self._config.boxes)
        if self._boxes_from is not None:
            return boxes_around(self._boxes_from.detect(clip)), f"around the keypoints of {self._config.boxes_from}"
        return None, self._config.person_model

    def _run(self, clip: Clip, boxes: np.ndarray | None) -> dict[str, np.ndarray]:
        """``boxes``: T 4 in px of the reduced images. Returns ``frames`` n, ``boxes`` n 4, ``keypoints`` n 17 3."""
        c = self._config
        model = resolve(c.model, c.download, "model")
        person = None if boxes is not None else resolve(c.person_model, c.download, "person_model")
        job = {
            "model": model.source,
            "person_model": person.source if person else None,
            "boxes": None if boxes is None else [b.tolist() if np.isfinite(b).all() else None for b in boxes],
            "dataset_index": c.dataset_index,
            "batch": c.batch,
            "device": self._device,
            "download": c.download,
        }
        with progress("vitpose", clip.num_frames) as update:
            found = run_script(self._env, NEEDS, SCRIPT, job, clip.video, c.longest, lambda done, total: update(done))
        if "missing" in found:
            which = person if person is not None and str(found["missing"]) == "person_model" else model
            raise MissingResource(f"detector vitpose: '{which.source}' cannot be loaded ({found['why']}): {which.how}")
        return found


class VitposeFileDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`."""

    def __init__(self, config: VitposeConfig, ctx: BuildContext | None = None):
        assert config.file is not None
        self._file, self._first = config.file.expanduser(), config.first

    def detect(self, clip: Clip) -> Observations:
        """Keypoints of one person in the file. Raises BadInput for a file that does not match the clip."""
        if not self._file.exists():
            raise MissingResource(f"detector vitpose: file '{self._file}' does not exist")
        facts: dict[str, object] = {"file": str(self._file)}
        if self._file.is_dir():
            people = read_folder(self._file, clip, self._first)
            tracks = people.tracks if people.tracks is not None else link(people.detections)
            layout, facts = people.layout, facts | people.facts
        else:
            tracks, layout = read_results(self._file, clip, self._first)
        track, person = choose(tracks, clip, self._file)
        return observations_of(track, clip, layout, {**facts, "person": person})
