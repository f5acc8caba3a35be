"""The panels with a body: through the recovered camera over the video, and in the world from a static camera."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import Mesh, Renderer, Shot
from diffopt_core.types import CameraTrajectory
from torch import Tensor

from .ground import BODY, BODY_EARLY, PATH, TRUTH, TRUTH_PATH, Colour, Floor, ground_seen
from .light import Scatter, lamp_beside, lit, shadow_of
from .marks import Ribbon, draw_keypoints, type_size, write_legend, write_words
from .panels import Inset, camera_at, frames_of, over
from .take import Mannequin, Posable, Take, chunks

#: Strength of the shadow on a photograph, which has its own light.
_ON_VIDEO = 0.6
_OPACITY = 0.94


class OverlayPanel:
    """``take`` needs a camera. ``title``: text in the corner; ``clock``: also show the time of the frame."""

    def __init__(self, take: Take, renderer: Renderer, size: tuple[int, int], title: str = "", clock: bool = False):
        if take.camera is None:
            raise DiffOptError(f"{take.name}: the motion has no camera for this view; use --view world")
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


_GHOST = 0.45  # opacity of the ground-truth figure


class RoomPanel:
    """``camera``: a single static camera. ``ghost``: also show the ground truth as a figure."""

    def __init__(
        self, take: Take, renderer: Renderer, camera: CameraTrajectory, size: tuple[int, int], title: str = "",
        ghost: bool = True,
    ):  # fmt: skip
        self.size, self._take, self._renderer, self._camera, self._title = size, take, renderer, camera, title
        places = take.joints[:, 0].numpy()
        low, high = places.min(0)[[0, 2]], places.max(0)[[0, 2]]
        self._ground = ground_seen(camera, size, (low + high) / 2, float(np.linalg.norm(high - low)) / 2 + 2.0)
        self._lamp = lamp_beside(camera.R)
        self._eye = camera.position
        self._scatter = Scatter.over(take.body.vertices(torch.zeros(1, dtype=torch.long))[0], take.body.faces)
        self._ghost = Mannequin(take.truth) if ghost and take.truth is not None else None
        self._ribbons = self._paths(places)
        self._floor = bool(self._eye[1] > 0)

    def images(self, frames: Sequence[int]) -> Iterator[np.ndarray]:
        """See :class:`.panel.Panel`."""
        take = self._take
        for some in chunks(frames):
            bodies = self._dressed(take.body, some, BODY)
            ghosts = self._dressed(self._ghost, some, TRUTH) if self._ghost is not None else []
            for row, frame in enumerate(some.tolist()):
                yield self._one([bodies[row]], ghosts[row : row + 1], frame)

    def along_the_way(self, frames: Sequence[int]) -> np.ndarray:
        """One image of the body at several frames, from pale to full colour, with the path up to the last."""
        (some,) = chunks(frames)
        share = torch.linspace(0, 1, len(some))[:, None, None] if len(some) > 1 else torch.ones(1, 1, 1)
        early, late = torch.tensor(BODY_EARLY), torch.tensor(BODY)
        bodies = self._dressed(self._take.body, some, early + (late - early) * share)
        return self._one(bodies, [], int(some[-1]))

    def _dressed(self, figure: Posable, some: Tensor, colour: Colour | Tensor) -> list[Mesh]:
        vertices = figure.vertices(some)
        colours = lit(vertices, figure.faces, colour, self._lamp, self._eye.expand(len(some), 3))
        return [Mesh(vertices[row], figure.faces, colours[row]) for row in range(len(some))]

    def _one(self, bodies: list[Mesh], ghosts: list[Mesh], frame: int) -> np.ndarray:
        image = self._ground.image.copy()
        for mesh in bodies:
            shadow = shadow_of(self._scatter.points(mesh.vertices), self._scatter.patch, self._lamp.numpy())
            shadow.cast(image, self._ground.floor, self._camera)
        paths = tuple(path for ribbon in self._ribbons if (path := ribbon.mesh(frame)) is not None)
        seen = [mesh for mesh in ghosts if bool(mesh.vertices.isfinite().all())]
        if seen:
            whole = over(self._draw(paths), image)
            whole = over(self._draw(tuple(seen)), whole, _GHOST)
            whole = over(self._draw(tuple(bodies)), whole)
        else:
            whole = over(self._draw((*paths, *bodies)), image)
        if self._title:
            write_words(whole, self._title, "top", type_size(self.size), light=False)
        if self._take.truth is not None:
            write_legend(whole, (("recovered", PATH), ("truth", TRUTH_PATH)), round(0.85 * type_size(self.size)))
        return whole

    def _draw(self, meshes: tuple[Mesh, ...]) -> np.ndarray:
        return self._renderer.draw(Shot(meshes, self._camera, self.size, floor=self._floor))

    def _paths(self, places: np.ndarray) -> list[Ribbon]:
        """Paths of the body and, above it, of the ground truth, with a width that suits the distance."""
        away = np.linalg.norm(places.mean(0) - self._eye.numpy())
        pixel = float(away) / float(self._camera.focal[0])  # m
        half = 0.0035 * max(self.size) * pixel
        found = [Ribbon.along(places, half, PATH, 0.2 * half)]
        if self._take.truth is not None:
            found.append(Ribbon.along(self._take.truth[:, 0].numpy(), 0.6 * half, TRUTH_PATH, 0.4 * half))
        return found
