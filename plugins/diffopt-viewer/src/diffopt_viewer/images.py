"""Video frames of the clips by number, decoded in one background thread per video."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from diffopt_core.errors import DiffOptError
from diffopt_core.perception.video import read_frames
from diffopt_core.types import Video
from PIL import Image

from .group import Group
from .shown import Shown
from .stage import Stage

log = logging.getLogger(__name__)
#: Longer side of cached frames, px; number of frames cached (as JPEG, about 40 kB each) and read ahead.
LONGEST, KEPT, AHEAD = 640, 900, 60


class Images:
    """``get`` returns at once: the frame, or None while it is being decoded; ``ready`` is called when it is available.

    A video is read forwards; a jump back beyond the cache reads it from the start again.
    """

    def __init__(self, video: Video, ready: Callable[[], None] = lambda: None):
        self._video, self._ready = video, ready
        self._kept: dict[int, bytes] = {}
        self._wanted = 0
        self._change = threading.Condition()
        self._closed = False
        self.error: str | None = None
        self._thread = threading.Thread(target=self._work, name=f"images of {video.path.name}", daemon=True)
        self._thread.start()

    def get(self, number: int) -> np.ndarray | None:
        """Frame ``number`` of the clip, RGB uint8, upright, its longer side at most 640 px."""
        with self._change:
            data = self._kept.get(number)
            self._wanted = number
            self._change.notify()
        return None if data is None else np.asarray(Image.open(io.BytesIO(data)))

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._change.notify()
        self._thread.join(timeout=5.0)

    def _work(self) -> None:
        try:
            self._decode()
        except DiffOptError as error:
            self.error = str(error)
            log.warning("%s: no images are shown", error)

    def _decode(self) -> None:
        frames: Iterator[np.ndarray] = iter(())
        position = -1  # number of the next frame of ``frames``; -1: not open
        while True:
            with self._change:
                self._change.wait_for(partial(self._to_do, position))
                if self._closed:
                    return
                missing = self._wanted if self._wanted not in self._kept else position
            if position < 0 or missing < position:
                position = missing
                frames = read_frames(replace(self._video, frames=self._video.frames[missing:]), longest=LONGEST)
            data = _as_jpeg(next(frames))
            with self._change:
                self._kept[position] = data
                if len(self._kept) > KEPT:
                    del self._kept[max(self._kept, key=lambda number: abs(number - self._wanted))]
                wanted = self._wanted == position
            position += 1
            if wanted:
                self._ready()

    def _to_do(self, position: int) -> bool:
        """Whether there is a frame to decode, or a request to stop."""
        if self._closed:
            return True
        count = len(self._video.frames)
        if self._wanted not in self._kept:
            return self._wanted < count
        return 0 <= position < min(count, self._wanted + AHEAD) and position not in self._kept


def _as_jpeg(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=82)
    return file.getvalue()


class Footage:
    """Images of all shown clips. ``ready`` is called when a requested image has been decoded."""

    def __init__(self, ready: Callable[[], None]):
        self._ready = ready
        self._images: dict[tuple, Images] = {}

    def keep(self, shown: Sequence[Shown]) -> None:
        """Close the videos that none of these uses."""
        for key in set(self._images) - {_key(one.video) for one in shown if one.video is not None}:
            self._images.pop(key).close()

    def close(self) -> None:
        self.keep(())

    def bring(self, stage: Stage) -> tuple[np.ndarray | None, bool]:
        """Put the current images into the visible frusta. Returns the leader's image, and whether it is still being
        decoded."""
        asked = [group for group, on in zip(stage.groups, stage.wanted, strict=True) if on] or [stage.leader]
        for group in asked:
            image = self._get(group)
            if image is not None and group.frustum is not None and group.shows_image:
                group.frustum.image = image
        leader = stage.leader
        if leader.shown.video is None:
            return None, False
        image = self._get(leader)
        return image, image is None and self._images[_key(leader.shown.video)].error is None

    def _get(self, group: Group) -> np.ndarray | None:
        video = group.shown.video
        if video is None:
            return None
        if _key(video) not in self._images:
            self._images[_key(video)] = Images(video, self._ready)
        return self._images[_key(video)].get(group.frame)


def _key(video: Video) -> tuple:
    return (video.path, video.frames)
