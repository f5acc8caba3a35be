"""Contract of renderers: points are drawn where our projection puts them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...data.geometry import project, world_to_camera
from ...data.rotation import axis_angle_to_matrix
from ...interfaces import Mesh, Shot
from ...types import CameraTrajectory
from .component import ComponentContract

_RED, _BLUE = (0.9, 0.1, 0.2), (0.1, 0.3, 0.8)


class RendererContract(ComponentContract):
    """Set ``name``; ``size``: width and height of the test images, px (small for a slow renderer)."""

    kind = "renderer"
    size: tuple[int, int] = (121, 90)

    def test_says_what_it_is(self) -> None:
        assert self.build().about, "`about` of a renderer is empty"

    def test_triangle_covers_the_pixels_of_our_projection(self) -> None:
        """Generic camera: rotated, translated, principal point off the centre, non-square pixels."""
        width, height = self.size
        camera = _camera(self.size, turn=(0.3, -0.8, 0.15), focal=(1.1, 0.9), centre=(0.45, 0.56))
        corners = _seen_at(camera, [(0.15, 0.2), (0.85, 0.35), (0.4, 0.9)], (3.0, 4.5, 2.2), self.size)
        image = self.build().draw(Shot((_mesh(corners, [(0, 1, 2)], _RED),), camera, self.size))
        assert image.shape == (height, width, 4) and image.dtype == np.uint8, f"{image.shape} {image.dtype}"
        inside = _depth_inside(_pixels(corners, camera), self.size)
        alpha = image[..., 3]
        assert (alpha[inside > 1] == 255).all(), "a pixel inside the triangle is not covered"
        assert (alpha[inside < -1] == 0).all(), "a pixel outside the triangle is covered"
        wanted = np.round(255 * np.array(_RED))
        assert np.abs(image[inside > 1][:, :3] - wanted).max() <= 2, (
            "the colour of the vertices is not that of the image"
        )

    def test_nearer_faces_hide_farther_ones(self) -> None:
        camera = _camera(self.size)
        near = _mesh(_seen_at(camera, _SQUARE, (2.0,) * 4, self.size), _QUAD, _RED)
        far = _mesh(_seen_at(camera, _WIDE, (3.0,) * 4, self.size), _QUAD, _BLUE)
        renderer = self.build()
        for meshes in ((near, far), (far, near)):
            image = renderer.draw(Shot(meshes, camera, self.size))
            assert image[_at(0.5, 0.5, self.size)][0] > 200, "the farther face is drawn over the nearer one"
            assert image[_at(0.15, 0.5, self.size)][2] > 180, "the farther face is not drawn beside the nearer one"

    def test_faces_that_cross_hide_each_other_by_depth(self) -> None:
        camera = _camera(self.size)
        slanted = _mesh(_seen_at(camera, _WIDE, (2.0, 4.0, 4.0, 2.0), self.size), _QUAD, _RED)
        flat = _mesh(_seen_at(camera, _WIDE, (2.7,) * 4, self.size), _QUAD, _BLUE)
        image = self.build().draw(Shot((slanted, flat), camera, self.size))
        assert image[_at(0.2, 0.5, self.size)][0] > 200 and image[_at(0.8, 0.5, self.size)][2] > 180

    def test_colours_run_between_vertices_with_perspective(self) -> None:
        """The centre of a slanted quad's image is not the centre of the quad."""
        camera = _camera(self.size)
        depth = (2.0, 6.0, 6.0, 2.0)
        corners = _seen_at(camera, _WIDE, depth, self.size)
        shade = torch.tensor([[0.0] * 3, [1.0] * 3, [1.0] * 3, [0.0] * 3])
        mesh = Mesh(corners, torch.tensor(_QUAD), shade)
        image = self.build().draw(Shot((mesh,), camera, self.size))
        share = (0.5 / depth[1]) / (0.5 / depth[0] + 0.5 / depth[1])
        assert abs(int(image[_at(0.5, 0.5, self.size)][0]) - 255 * share) < 8

    def test_both_sides_of_a_face_are_seen(self) -> None:
        camera = _camera(self.size)
        corners = _seen_at(camera, _SQUARE, (2.0,) * 4, self.size)
        for faces in (_QUAD, [face[::-1] for face in _QUAD]):
            image = self.build().draw(Shot((_mesh(corners, faces, _RED),), camera, self.size))
            assert image[_at(0.5, 0.5, self.size)][3] == 255

    def test_nothing_gives_an_empty_image(self) -> None:
        assert not self.build().draw(Shot((), _camera(self.size), self.size)).any()

    def test_what_is_behind_the_camera_is_not_seen(self) -> None:
        camera = _camera(self.size)
        corners = _seen_at(camera, _SQUARE, (-2.0,) * 4, self.size)
        assert not self.build().draw(Shot((_mesh(corners, _QUAD, _RED),), camera, self.size))[..., 3].any()

    def test_a_face_that_passes_the_camera_is_seen_before_it(self) -> None:
        """A ground plane from behind the camera to far ahead: everything below the horizon, nothing above."""
        camera = _camera(self.size)
        seen = torch.tensor([[-50.0, 1, -5], [50, 1, -5], [50, 1, 200], [-50, 1, 200]])
        corners = (seen - camera.t) @ camera.R
        alpha = self.build().draw(Shot((_mesh(corners, _QUAD, _RED),), camera, self.size))[..., 3]
        assert alpha[_at(0.5, 0.8, self.size)] == 255 and alpha[_at(0.5, 0.2, self.size)] == 0

    def test_floor_hides_what_is_under_it(self) -> None:
        """An upright square from 1 m above to 1 m below the ground; the camera is 1 m above the ground."""
        eye = torch.eye(3) * torch.tensor([1.0, -1.0, -1.0])
        focal = torch.full((2,), float(max(self.size)) / 2)
        camera = CameraTrajectory(eye, torch.tensor([0.0, 1.0, 4.0]), focal, torch.tensor(self.size) / 2)
        square = torch.tensor([[-1.0, 1, 0], [1, 1, 0], [1, -1, 0], [-1, -1, 0]])
        mesh = _mesh(square, _QUAD, _RED)
        (_, over), (_, under) = _pixels(torch.tensor([[0.0, 0.2, 0], [0, -0.2, 0]]), camera).numpy()
        column = self.size[0] // 2
        renderer = self.build()
        hidden = renderer.draw(Shot((mesh,), camera, self.size, floor=True))[:, column, 3]
        shown = renderer.draw(Shot((mesh,), camera, self.size))[:, column, 3]
        assert hidden[int(over)] == 255 and hidden[int(under)] == 0 and shown[int(under)] == 255

    def test_one_image_after_another_of_other_sizes(self) -> None:
        renderer = self.build()
        for size in (self.size, (self.size[0] // 2, self.size[1] + 7), self.size):
            camera = _camera(size)
            corners = _seen_at(camera, _SQUARE, (2.0,) * 4, size)
            image = renderer.draw(Shot((_mesh(corners, _QUAD, _RED),), camera, size))
            assert image.shape == (size[1], size[0], 4)
            assert image[_at(0.5, 0.5, size)][3] == 255 and image[0, 0, 3] == 0

    def test_same_image_twice_and_input_left_alone(self) -> None:
        camera = _camera(self.size)
        mesh = _mesh(_seen_at(camera, _SQUARE, (2.0,) * 4, self.size), _QUAD, _RED)
        before = mesh.vertices.clone()
        renderer = self.build()
        first, second = (renderer.draw(Shot((mesh,), camera, self.size)) for _ in range(2))
        assert (first == second).all() and torch.equal(mesh.vertices, before)


_SQUARE = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]
_WIDE = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
_QUAD = [(0, 1, 2), (0, 2, 3)]


def _camera(
    size: tuple[int, int],
    turn: tuple[float, float, float] = (0.0, 0.4, 0.0),
    focal: tuple[float, float] = (1.0, 1.0),
    centre: tuple[float, float] = (0.5, 0.5),
) -> CameraTrajectory:
    """``focal`` in widths of the image, ``centre`` in sizes."""
    wide, high = (float(side) for side in size)
    return CameraTrajectory(
        axis_angle_to_matrix(torch.tensor(turn)), torch.tensor([0.2, -0.5, 1.0]),
        torch.tensor(focal) * wide, torch.tensor(centre) * torch.tensor([wide, high]),
    )  # fmt: skip


def _seen_at(
    camera: CameraTrajectory, share: list[tuple[float, float]], depth: tuple[float, ...], size: tuple[int, int]
) -> Tensor:
    """World points (N, 3) that project to these shares of the image size, at these depths."""
    pixels = torch.tensor(share) * torch.tensor([float(side) for side in size])
    z = torch.tensor(depth)[:, None]
    seen = torch.cat([(pixels - camera.centre) / camera.focal * z, z], dim=1)
    return (seen - camera.t) @ camera.R


def _mesh(corners: Tensor, faces: list[tuple[int, int, int]], colour: tuple[float, float, float]) -> Mesh:
    return Mesh(corners, torch.tensor(faces), torch.tensor(colour).expand(len(corners), 3))


def _pixels(points: Tensor, camera: CameraTrajectory) -> Tensor:
    return project(world_to_camera(points, camera.R, camera.t), camera.focal, camera.centre)


def _depth_inside(corners: Tensor, size: tuple[int, int]) -> np.ndarray:
    """Signed distance of each pixel centre (H, W) to a triangle (3, 2), px; positive inside."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    a = corners.double().numpy()
    b = np.roll(a, -1, axis=0)
    along = b - a
    side = np.sign(along[0, 0] * along[1, 1] - along[0, 1] * along[1, 0])
    apart = [
        side * (dx * (y - py) - dy * (x - px)) / np.hypot(dx, dy) for (px, py), (dx, dy) in zip(a, along, strict=True)
    ]
    return np.min(apart, axis=0)


def _at(across: float, down: float, size: tuple[int, int]) -> tuple[int, int]:
    """Row and column of a pixel, from shares of the image size."""
    return int(down * size[1]), int(across * size[0])
