"""Render meshes with PyTorch3D's rasteriser, supersampled."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from diffopt_core.interfaces import BuildContext, Shot
from diffopt_core.types import CameraTrajectory
from torch import Tensor

from .plugin import Pytorch3dConfig


def camera_of(camera: CameraTrajectory, size: tuple[int, int], device: torch.device, samples: int = 1) -> Any:
    """``PerspectiveCameras`` in px of an image ``samples`` times ``size`` (width, height).

    ``x_cam = R x + t`` with x right, y down; PyTorch3D uses ``x R' + T`` with x left, y up: ``R' = (F R)^T``, ``T = F
    t`` with F = diag(-1, -1, 1). Focal length and centre stay in px; PyTorch3D converts them.
    """
    from pytorch3d.renderer import PerspectiveCameras

    R, t, focal, centre = (x.detach().to(device).float() for x in (camera.R, camera.t, camera.focal, camera.centre))
    turn = R.new_tensor([-1.0, -1.0, 1.0])
    return PerspectiveCameras(
        R=(turn[:, None] * R).T[None],
        T=(turn * t)[None],
        focal_length=samples * focal[None],
        principal_point=samples * centre[None],
        image_size=[(samples * size[1], samples * size[0])],
        in_ndc=False,
        device=device,
    )


#: Near plane, m, as the protocol requires.
_NEAR = 0.05


class Pytorch3dRenderer:
    """Implements :class:`diffopt_core.interfaces.Renderer` on the device of the build."""

    def __init__(self, config: Pytorch3dConfig, ctx: BuildContext):
        self._device, self._samples = ctx.device, config.samples
        try:
            number = version("pytorch3d")
        except PackageNotFoundError:  # a source tree on sys.path
            number = "of unknown version"
        self.about = f"PyTorch3D {number} on {ctx.device}"

    def draw(self, shot: Shot) -> np.ndarray:
        """See :class:`diffopt_core.interfaces.Renderer`."""
        width, height = shot.size
        if not shot.meshes:
            return np.zeros((height, width, 4), np.uint8)
        vertices, faces, colours = self._stacked(shot)
        face, share = self._fragments(shot, vertices, faces)
        seen = face >= 0
        corners = faces[face.clamp_min(0)]  # H W 3
        colour = (colours[corners] * share[..., None]).sum(-2).clamp(0, 1)
        if shot.floor:
            seen &= (vertices[corners, 1] * share).sum(-1) >= 0
        return _averaged(colour, seen, self._samples).cpu().numpy()

    def _fragments(self, shot: Shot, vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest face of each sample (H, W), -1 for none, and its barycentric coordinates (H, W, 3)."""
        from pytorch3d.renderer import MeshRasterizer, RasterizationSettings
        from pytorch3d.structures import Meshes

        many = self._samples
        settings = RasterizationSettings(
            image_size=(many * shot.size[1], many * shot.size[0]),
            blur_radius=0.0,
            faces_per_pixel=1,
            perspective_correct=True,
            cull_backfaces=False,
            z_clip_value=_NEAR,
        )
        camera = camera_of(shot.camera, shot.size, self._device, many)
        found = MeshRasterizer(cameras=camera, raster_settings=settings)(Meshes(verts=[vertices], faces=[faces]))
        return found.pix_to_face[0, ..., 0], found.bary_coords[0, ..., 0, :]

    def _stacked(self, shot: Shot) -> tuple[Tensor, Tensor, Tensor]:
        """All meshes joined: vertices, faces and colours on the device."""
        first, faces = 0, []
        for mesh in shot.meshes:
            faces.append(mesh.faces.to(self._device).long() + first)
            first += len(mesh.vertices)
        vertices, colours = (
            torch.cat([value.detach().to(self._device).float() for value in values])
            for values in zip(*((mesh.vertices, mesh.colours) for mesh in shot.meshes), strict=True)
        )
        return vertices, torch.cat(faces), colours


def _averaged(colour: Tensor, seen: Tensor, many: int) -> Tensor:
    """RGBA uint8 (H, W, 4) of blocks of ``many`` x ``many`` samples; colour is the mean of the covered samples."""
    height, width = seen.shape[0] // many, seen.shape[1] // many

    def blocks(value: Tensor) -> Tensor:
        return value.reshape(height, many, width, many, -1).sum((1, 3))

    hits = blocks(seen.float())
    shade = blocks(colour * seen[..., None]) / hits.clamp_min(1)
    return torch.cat([shade, hits / many**2], dim=-1).mul(255).round().to(torch.uint8)
