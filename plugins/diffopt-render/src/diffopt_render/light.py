"""Light on a surface, and the shadow of a body on the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.types import CameraTrajectory
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter, map_coordinates
from torch import Tensor

from .ground import Colour, Floor

_GAMMA = 2.2
#: Linear strengths: the lamp, and ambient light from above and below.
_LAMP, _ABOVE, _BELOW, _RIM = 0.95, 0.44, 0.17, 0.14
#: Colours: warm lamp, cool sky, neutral ground.
_LAMP_TINT, _ABOVE_TINT, _BELOW_TINT = (1.0, 0.97, 0.92), (0.94, 0.97, 1.0), (1.0, 0.98, 0.96)


def normals_of(vertices: Float[Tensor, "T V 3"], faces: Int[Tensor, "F 3"]) -> Float[Tensor, "T V 3"]:
    """Unit normals of the vertices, means over their faces weighted by area; zero for a vertex without a face."""
    corners = vertices[:, faces]
    across = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    total = torch.zeros_like(vertices)
    for corner in range(3):
        total.index_add_(1, faces[:, corner], across)
    return total / total.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def lamp_beside(R: Float[Tensor, "3 3"]) -> Float[Tensor, "3"]:
    """Towards the lamp, a unit vector in the world: over the left shoulder of the viewer."""
    right, ahead = R[0] * R.new_tensor([1.0, 0, 1]), R[2] * R.new_tensor([1.0, 0, 1])
    # a camera that looks straight down has no horizontal forward direction: use the top of its image
    ahead = ahead if float(ahead.norm()) > 0.1 else -R[1] * R.new_tensor([1.0, 0, 1])
    right, ahead = right / right.norm().clamp_min(1e-6), ahead / ahead.norm().clamp_min(1e-6)
    towards = R.new_tensor([0.0, 1.3, 0.0]) - 0.75 * right - 0.35 * ahead
    return towards / towards.norm()


def lit(
    vertices: Float[Tensor, "T V 3"],
    faces: Int[Tensor, "F 3"],
    colour: Colour | Float[Tensor, "T 1 3"],
    lamp: Float[Tensor, "3"],
    eye: Float[Tensor, "T 3"],
) -> Float[Tensor, "T V 3"]:
    """Colours of the vertices as seen from ``eye`` (world, m), sRGB."""
    normal = normals_of(vertices, faces)
    towards = eye[:, None] - vertices
    towards = towards / towards.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    facing = (normal * towards).sum(-1, keepdim=True)
    turned = (normal @ lamp).unsqueeze(-1)
    up = 0.5 + 0.5 * normal[..., 1:2]

    def tint(of: Colour) -> Tensor:
        return vertices.new_tensor(of)

    # wrap lighting: half of the far side is lit softly, which hides hard borders on coarse faces
    lamp_light = _LAMP * tint(_LAMP_TINT) * (0.5 + 0.5 * turned).square()
    around = up * _ABOVE * tint(_ABOVE_TINT) + (1 - up) * _BELOW * tint(_BELOW_TINT)
    rim = _RIM * (1 - facing.clamp(0, 1)).pow(3) * up
    base = torch.as_tensor(colour, dtype=vertices.dtype).pow(_GAMMA)
    return (base * (lamp_light + around) + rim).clamp(0, 1).pow(1 / _GAMMA)


_POINTS = 5000
_CELL = 0.02  # m
_MARGIN = 0.25  # m around the shadow
_MOST = 400  # most cells per side
#: Darkest soft shadow and darkest contact.
_SOFT, _CONTACT = 0.27, 0.40
_TOUCH = 0.10  # m over the ground within which a surface counts as touching


@dataclass(frozen=True)
class Scatter:
    """Points of a surface: ``corners`` (N, 3) vertices of their faces, ``share`` (N, 3) of each, ``patch``: area per
    point, m^2."""

    corners: np.ndarray
    share: np.ndarray
    patch: float

    @staticmethod
    def over(vertices: Tensor, faces: Tensor) -> Scatter:
        """Points spread evenly over the area of a mesh (V, 3), deterministic."""
        a, b, c = vertices[faces].double().unbind(1)
        area = torch.linalg.cross(b - a, c - a).norm(dim=-1) / 2
        draw = np.random.default_rng(0)
        total = area.cumsum(0)
        pick = torch.from_numpy((np.arange(_POINTS) + draw.random(_POINTS)) / _POINTS) * total[-1]
        face = torch.searchsorted(total, pick).clamp_max(len(faces) - 1)
        u, v = torch.from_numpy(draw.random((2, _POINTS)))
        u, v = torch.where(u + v > 1, 1 - u, u), torch.where(u + v > 1, 1 - v, v)
        share = torch.stack([1 - u - v, u, v], 1).float().numpy()[..., None]
        return Scatter(faces[face].numpy(), share, float(total[-1]) / _POINTS)

    def points(self, vertices: Tensor) -> np.ndarray:
        """Positions on a posed mesh (V, 3): (N, 3)."""
        at, share, corners = vertices.numpy(), self.share, self.corners
        return np.asarray(sum(at[corners[:, i]] * share[:, i] for i in range(3)))


@dataclass(frozen=True)
class Shadow:
    """``dark`` (Z, X): darkening per cell; ``start``: x and z of the first cell's centre."""

    dark: np.ndarray
    start: np.ndarray

    def cast(self, image: np.ndarray, floor: Floor, camera: CameraTrajectory, strength: float = 1.0) -> None:
        """Darken ``image`` (H, W, 3) float in place."""
        part = self._seen(image.shape[:2], camera)
        if part is None:
            return
        rows, columns = part
        cells = (floor.where(rows, columns) - self.start) / np.float32(_CELL)
        dark = map_coordinates(self.dark, np.nan_to_num(cells[..., ::-1], nan=-9).transpose(2, 0, 1), order=1)
        image[rows, columns] *= 1 - strength * dark[..., None]

    def _seen(self, size: tuple[int, int], camera: CameraTrajectory) -> tuple[slice, slice] | None:
        """The part of the image that it can cover."""
        high, wide = np.array(self.dark.shape) * _CELL
        x, z = self.start
        ring = np.linspace(0, 1, 9)[:-1]
        square = np.concatenate([np.stack([x + wide * s, z + high * t], -1) for s, t in (
            (ring, 0 * ring), (1 + 0 * ring, ring), (1 - ring, 1 + 0 * ring), (0 * ring, 1 - ring))])  # fmt: skip
        flat = torch.from_numpy(np.insert(square, 1, 0.0, axis=1)).to(camera.R)
        seen = world_to_camera(flat, camera.R, camera.t)
        if bool((seen[:, 2] < 0.1).all()):
            return None
        if bool((seen[:, 2] < 0.1).any()):
            return slice(0, size[0]), slice(0, size[1])
        pixels = project(seen, camera.focal, camera.centre).cpu().numpy()
        limit = np.array(size[::-1])
        low = np.clip(np.floor(pixels.min(0)), 0, limit).astype(int)
        high_px = np.clip(np.ceil(pixels.max(0)) + 1, 0, limit).astype(int)
        if (high_px <= low).any():
            return None
        return slice(low[1], high_px[1]), slice(low[0], high_px[0])


def shadow_of(points: np.ndarray, patch: float, lamp: np.ndarray) -> Shadow:
    """Shadow of scattered points (N, 3), for a lamp in this direction (unit, upwards)."""
    height = np.maximum(points[:, 1], 0)
    fallen = points[:, [0, 2]] - height[:, None] * (lamp[[0, 2]] / lamp[1])
    start = fallen.min(0) - _MARGIN
    size = np.minimum(np.ceil((fallen.max(0) + _MARGIN - start) / _CELL).astype(int), _MOST)
    cell = np.minimum(((fallen - start) / _CELL).astype(int), size - 1)
    flat = cell[:, 1] * size[0] + cell[:, 0]

    def density(weights: np.ndarray, blur: float) -> np.ndarray:
        """Layers of surface over each cell."""
        count = np.bincount(flat, weights, minlength=size[0] * size[1]).reshape(size[1], size[0])
        return gaussian_filter((count * patch / _CELL**2).astype(np.float32), blur / _CELL)

    soft = 1 - np.exp(-1.1 * density(np.exp(-height / 1.6), 0.045))
    touch = 1 - np.exp(-1.4 * density(np.exp(-((height / _TOUCH) ** 2)), 0.022))
    dark = 1 - (1 - _SOFT * soft) * (1 - _CONTACT * touch)
    return Shadow(dark.astype(np.float32), (start + _CELL / 2).astype(np.float32))
