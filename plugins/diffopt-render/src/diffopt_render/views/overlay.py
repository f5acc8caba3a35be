"""Panel: the body through the recovered camera, over the video; without one, over the ground with the keypoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import Mesh, Renderer, Shot

from ..look.colours import BODY
from ..look.ground import Floor, ground_seen
from ..look.light import Scatter, lamp_beside, lit, shadow_of
from ..look.marks import draw_keypoints, type_size, write_words
from ..take import Take, chunks
from .images import Inset, frames_of
from .panel import camera_at, over

#: Share of the full shadow that is cast into a photograph, which has its own light.
_ON_VIDEO = 0.6
_OPACITY = 0.94


class OverlayPanel:
    """``take`` needs a camera. ``title``: words in the corner; ``clock``: and the time of the frame below."""

    def __init__(self, take: Take, renderer: Renderer, size: tuple[int, int], title: str = "", clock: bool = False):
        if take.camera is None:
            raise DiffOptError(f"{take.name}: a motion without a camera has no view from one; take --view world")
        self.size, self._take, self._renderer, self._title = size, take, renderer, title
        self._camera, self._clock = take.camera, clock
        self._inset = Inset.of(take.size, size)
        places = take.joints[:, 0, [0, 2]].numpy()
        self._middle = (places.max(0) + places.min(0)) / 2
        self._radius = float(np.ptp(places, axis=0).max()) / 2 + 3.0
        first = camera_at(take.camera, take.num_frames // 2)
        self._lamp = lamp_beside(first.R)
        self._scatter = Scatter.over(take.body.vertices(torch.zeros(1, dtype=torch.long))[0], take.body.faces)
        self._radius_px = max(2.0, 0.0045 * max(self._inset.inner))

    def images(self, frames: Sequence[int]) -> Iterator[np.ndarray]:
        """See :class:`.panel.Panel`."""
        take = self._take
        behind = frames_of(take.video, frames, self._inset.inner) if take.video is not None else None
        for some in chunks(frames):
            vertices = take.body.vertices(some)
            eyes = self._camera.position[some].cpu().float()
            colours = lit(vertices, take.body.faces, BODY, self._lamp, eyes)
            for row, frame in enumerate(some.tolist()):
                mesh = Mesh(vertices[row], take.body.faces, colours[row])
                photograph = next(behind) if behind is not None else None
                yield self._finished(self._one(mesh, frame, photograph), frame)

    def _one(self, mesh: Mesh, frame: int, photograph: np.ndarray | None) -> np.ndarray:
        camera = self._inset.camera(camera_at(self._camera, frame))
        drawn = self._renderer.draw(Shot((mesh,), camera, self._inset.inner))
        lamp = self._lamp.numpy()
        shadow = shadow_of(self._scatter.points(mesh.vertices), self._scatter.patch, lamp)
        if photograph is None:
            ground = ground_seen(camera, self._inset.inner, self._middle, self._radius)
            shadow.cast(ground.image, ground.floor, camera)
            image = over(drawn, ground.image)
            if self._take.keypoints is not None:
                points = self._take.keypoints[frame].numpy().copy()
                points[:, :2] *= self._inset.scale
                draw_keypoints(image, points, self._radius_px)
            return image
        below = photograph.astype(np.float32) / 255.0
        shadow.cast(below, Floor(camera, self._inset.inner), camera, _ON_VIDEO)
        return over(drawn, below, _OPACITY)

    def _finished(self, image: np.ndarray, frame: int) -> np.ndarray:
        whole = np.array(self._inset.placed(image))
        size, light = type_size(self.size), self._take.video is not None
        if self._title:
            write_words(whole, self._title, "top", size, light)
        if self._clock:
            write_words(whole, f"{frame / self._take.fps:.2f} s", "bottom", size, light)
        return whole
