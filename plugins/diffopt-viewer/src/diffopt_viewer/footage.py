"""The images of all results that are shown: one decoder a video, however many results are of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from diffopt_core.types import Video

from .group import Group
from .images import Images
from .shown import Shown
from .stage import Stage


class Footage:
    """``ready`` is called when an image that was asked for has been decoded."""

    def __init__(self, ready: Callable[[], None]):
        self._ready = ready
        self._images: dict[tuple, Images] = {}

    def keep(self, shown: Sequence[Shown]) -> None:
        """Close the videos that none of these has."""
        for key in set(self._images) - {_key(one.video) for one in shown if one.video is not None}:
            self._images.pop(key).close()

    def close(self) -> None:
        self.keep(())

    def bring(self, stage: Stage) -> tuple[np.ndarray | None, bool]:
        """Put the present images into the frusta that show one. The leader's image, and whether it is still to come."""
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
