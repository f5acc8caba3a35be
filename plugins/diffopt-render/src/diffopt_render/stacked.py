"""The meshes of a shot as one."""

from __future__ import annotations

import torch
from diffopt_core.interfaces import Mesh


def stacked(meshes: tuple[Mesh, ...]) -> Mesh:
    """One mesh with all vertices and faces, on the CPU, float32 and int32. At least one mesh is expected."""
    counts = torch.tensor([0, *(len(mesh.vertices) for mesh in meshes[:-1])]).cumsum(0)
    return Mesh(
        torch.cat([mesh.vertices.detach().cpu().float() for mesh in meshes]),
        torch.cat([mesh.faces.cpu().int() + int(first) for mesh, first in zip(meshes, counts, strict=True)]),
        torch.cat([mesh.colours.detach().cpu().float() for mesh in meshes]),
    )
