"""Detector ``vitpose``: boxes of people, keypoints in each box, linking to tracks, choice of one track."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diffopt_core.common.progress import track as progress
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.interfaces import BuildContext
from diffopt_core.perception.foreign import Needs, run_script
from diffopt_core.perception.video import reduced_size
from diffopt_core.types import Clip, Observations
from diffopt_formats.frames import source_frames

from ..people import Detections, Track, boxes_around, check_keypoints, choose, link, observations_of
from .boxes import read_boxes
from .config import VitposeConfig
from .models import resolve

SCRIPT = Path(__file__).with_name("script.py")
NEEDS = Needs(
    name="vitpose",
    packages=("torch>=2.4", "transformers>=5.0", "scipy", "pillow", "numpy"),
    python="3.10-3.14",
    modules=("torch", "transformers", "scipy", "PIL"),
    how="pip install 'diffopt-inits[vitpose]' (transformers, pillow, scipy), or --env uv",
    size="about 5 GB",
)


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
