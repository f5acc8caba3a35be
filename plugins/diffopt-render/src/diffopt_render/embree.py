"""Ray-traced meshes: one ray per pixel that a mesh may cover, several at edges."""

from __future__ import annotations

import math
from dataclasses import dataclass

import embreex
import numpy as np
import torch
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.interfaces import BuildContext, Mesh, Shot
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore import EmbreeDevice
from embreex.rtcore_scene import EmbreeScene
from scipy.ndimage import maximum_filter, minimum_filter

from .plugin import EmbreeConfig
from .take import stacked

#: Near plane, m, as the protocol requires.
_NEAR = 0.05
#: Relative depth difference between neighbouring pixels that marks an edge.
_STEP = 0.02
_NOTHING = np.float32(1e6)


@dataclass(frozen=True)
class _Target:
    """The ray-traced scene, in the camera frame; ``up`` (4,): height over the ground is ``up[:3] x + up[3]``."""

    scene: EmbreeScene
    faces: np.ndarray
    colours: np.ndarray
    focal: np.ndarray
    centre: np.ndarray
    up: np.ndarray
    floor: bool


class EmbreeRenderer:
    """Implements :class:`diffopt_core.interfaces.Renderer`."""

    def __init__(self, config: EmbreeConfig, ctx: BuildContext | None = None):
        side = max(1, math.isqrt(config.samples))
        self._offsets = (np.stack(np.meshgrid(*2 * [np.arange(side)]), -1).reshape(-1, 2) + 0.5) / side
        self._device = EmbreeDevice()
        self.about = f"Embree, embreex {embreex.__version__}"

    def draw(self, shot: Shot) -> np.ndarray:
        """See :class:`diffopt_core.interfaces.Renderer`."""
        width, height = shot.size
        image = np.zeros((height, width, 4), np.uint8)
        if not shot.meshes:
            return image
        mesh = stacked(shot.meshes)
        target, box = self._aim(mesh, shot)
        left, right, top, bottom = box
        if left >= right or top >= bottom:
            return image
        column, row = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
        corner = np.stack([column, row], axis=-1).astype(np.float32)
        colour, seen, depth = _look(target, corner.reshape(-1, 2) + 0.5)
        size = row.shape
        colour, seen, depth = colour.reshape(*size, 3), seen.reshape(size), depth.reshape(size)
        part = np.concatenate([colour, seen[..., None]], axis=-1)
        edge = _edges(seen, depth)
        if edge.any():
            part[edge] = self._several(target, corner[edge])
        image[top:bottom, left:right] = np.round(255 * part)
        return image

    def _several(self, target: _Target, corners: np.ndarray) -> np.ndarray:
        """RGBA (N, 4) of pixels (N, 2): means over rays spread evenly over each pixel."""
        count = len(self._offsets)
        colour, seen, _ = _look(target, (corners[:, None] + self._offsets).reshape(-1, 2).astype(np.float32))
        hits = seen.reshape(-1, count).sum(1)
        total = (colour * seen[:, None]).reshape(-1, count, 3).sum(1)
        return np.concatenate([total / np.maximum(hits, 1)[:, None], hits[:, None] / count], axis=1)

    def _aim(self, mesh: Mesh, shot: Shot) -> tuple[_Target, tuple[int, int, int, int]]:
        """The scene, and the pixel rectangle it can cover: left, right, top, bottom."""
        camera, (width, height) = shot.camera, shot.size
        R, t, focal, centre = (x.cpu().float() for x in (camera.R, camera.t, camera.focal, camera.centre))
        seen = world_to_camera(mesh.vertices, R, t)
        box = (0, width, 0, height)
        if bool((seen[:, 2] > _NEAR).all()):
            pixels = project(seen, focal, centre)
            low, high = pixels.amin(0).floor(), pixels.amax(0).ceil()
            limits = torch.tensor([width, height])
            (left, top), (right, bottom) = (
                torch.minimum(limits, torch.clamp(side, min=0)).int().tolist() for side in (low - 1, high + 1)
            )
            box = (left, right, top, bottom)
        scene = EmbreeScene(self._device)
        faces = mesh.faces.long()
        TriangleMesh(scene, np.ascontiguousarray(seen[faces].numpy()))
        # x_world = R^T (x - t)
        up = np.append(R[:, 1].numpy(), -float(R[:, 1] @ t)).astype(np.float32)
        target = _Target(scene, faces.numpy(), mesh.colours.numpy(), focal.numpy(), centre.numpy(), up, shot.floor)
        return target, box


def _look(target: _Target, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colour (N, 3), hit mask (N,) and depth in m along rays through pixels (N, 2)."""
    ahead = np.ones((len(pixels), 3), np.float32)
    ahead[:, :2] = (pixels - target.centre) / target.focal
    hit = target.scene.run(_NEAR * ahead, ahead, output=1)
    seen = hit["primID"] >= 0
    depth = np.where(seen, hit["tfar"] + _NEAR, _NOTHING)
    if target.floor:
        seen &= depth * (ahead @ target.up[:3]) + target.up[3] >= 0
        depth = np.where(seen, depth, _NOTHING)
    colour = np.zeros((len(pixels), 3), np.float32)
    corners = target.colours[target.faces[hit["primID"][seen]]]
    u, v = hit["u"][seen, None], hit["v"][seen, None]
    colour[seen] = np.clip((1 - u - v) * corners[:, 0] + u * corners[:, 1] + v * corners[:, 2], 0, 1)
    return colour, seen, depth


def _edges(seen: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Edge pixels (H, W)."""
    jump = maximum_filter(depth, 3, mode="nearest") > (1 + _STEP) * minimum_filter(depth, 3, mode="nearest")
    return jump & (maximum_filter(seen.astype(np.uint8), 3) > 0)
