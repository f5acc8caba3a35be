"""What renderer ``pytorch3d`` asks of PyTorch3D, in a few lines: its documented conventions, by casting rays.

World points are rows, ``x R + T``; x points left and y up in the camera and in the image; lengths in the image are in
halves of its shorter side; a pixel is looked at in its middle. Slow: for a few faces and small images.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import torch


class PerspectiveCameras:
    def __init__(self, R, T, focal_length, principal_point, image_size, in_ndc, device):
        assert not in_ndc, "this stand-in knows px alone"
        self.R, self.T = R[0], T[0]
        height, width = image_size[0]
        half = min(height, width) / 2
        middle = principal_point.new_tensor([width, height]) / 2
        self.focal, self.centre = focal_length[0] / half, -(principal_point[0] - middle) / half


@dataclass
class Settings:
    image_size: tuple[int, int]
    blur_radius: float
    faces_per_pixel: int
    perspective_correct: bool
    cull_backfaces: bool
    z_clip_value: float


@dataclass
class Meshes:
    verts: list[torch.Tensor]
    faces: list[torch.Tensor]


class MeshRasterizer:
    def __init__(self, cameras, raster_settings):
        self.cameras, self.settings = cameras, raster_settings

    def __call__(self, meshes: Meshes) -> SimpleNamespace:
        camera, (height, width) = self.cameras, self.settings.image_size
        seen = meshes.verts[0].double() @ camera.R.double() + camera.T.double()
        half = min(height, width) / 2
        across = (width / 2 - (torch.arange(width) + 0.5)) / half  # +x is left
        up = (height / 2 - (torch.arange(height) + 0.5)) / half
        place = torch.stack(torch.meshgrid(up, across, indexing="ij")[::-1], -1).double()
        ray = torch.cat([(place - camera.centre) / camera.focal, torch.ones(height, width, 1)], -1)
        face = torch.full((height, width), -1)
        share, nearest = torch.zeros(height, width, 3), torch.full((height, width), torch.inf)
        for number, corners in enumerate(seen[meshes.faces[0]]):
            if abs(torch.linalg.det(corners)) < 1e-12:
                continue
            weights = ray @ torch.linalg.inv(corners)  # of the corners, in depths
            depth = 1 / weights.sum(-1)
            hit = (weights * depth[..., None] >= 0).all(-1) & (depth > self.settings.z_clip_value) & (depth < nearest)
            face[hit], nearest[hit] = number, depth[hit].float()
            share[hit] = (weights * depth[..., None])[hit].float()
        return SimpleNamespace(pix_to_face=face[None, ..., None], bary_coords=share[None, ..., None, :])


def install(monkeypatch) -> None:
    """As if PyTorch3D were there."""
    names = ("pytorch3d", "pytorch3d._C", "pytorch3d.renderer", "pytorch3d.structures")
    modules = {name: ModuleType(name) for name in names}
    for name, module in modules.items():
        module.__spec__ = SimpleNamespace(name=name)
        monkeypatch.setitem(sys.modules, name, module)
    modules["pytorch3d"].__path__ = []
    renderer = modules["pytorch3d.renderer"]
    renderer.PerspectiveCameras, renderer.MeshRasterizer = PerspectiveCameras, MeshRasterizer
    renderer.RasterizationSettings = Settings
    modules["pytorch3d.structures"].Meshes = Meshes
