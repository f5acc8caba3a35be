"""Panel: the body in the world, from a still camera, with its path on the ground up to now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from diffopt_core.interfaces import Mesh, Renderer, Shot
from diffopt_core.types import CameraTrajectory
from torch import Tensor

from ..look.colours import BODY, BODY_EARLY, PATH, TRUTH, TRUTH_PATH, Colour
from ..look.ground import ground_seen
from ..look.light import Scatter, lamp_beside, lit, shadow_of
from ..look.marks import type_size, write_legend, write_words
from ..look.path import Ribbon
from ..take import Mannequin, Posable, Take, chunks
from .panel import over

_GHOST = 0.45  # opacity of the truth's figure


class RoomPanel:
    """``camera``: a single one that does not move. ``ghost``: the truth is shown as a figure, too."""

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
        """One image of the body at several frames, pale ones first, with the path up to the last."""
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
        """Of the body and, above it, of the truth: as wide as the eye wants it from here."""
        away = np.linalg.norm(places.mean(0) - self._eye.numpy())
        pixel = float(away) / float(self._camera.focal[0])  # m
        half = 0.0035 * max(self.size) * pixel
        found = [Ribbon.along(places, half, PATH, 0.2 * half)]
        if self._take.truth is not None:
            found.append(Ribbon.along(self._take.truth[:, 0].numpy(), 0.6 * half, TRUTH_PATH, 0.4 * half))
        return found
