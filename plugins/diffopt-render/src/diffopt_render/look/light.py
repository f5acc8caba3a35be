"""Light on a surface: a lamp that wraps round, sky above and ground below, a rim where the surface turns away.

Plain shading at the vertices: bodies are smooth, and so every renderer gives the same picture.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .colours import Colour

_GAMMA = 2.2
#: Linear strengths: the lamp, and what comes from above and from below.
_LAMP, _ABOVE, _BELOW, _RIM = 0.95, 0.44, 0.17, 0.14
#: Warm lamp, cool sky, ground of neither.
_LAMP_TINT, _ABOVE_TINT, _BELOW_TINT = (1.0, 0.97, 0.92), (0.94, 0.97, 1.0), (1.0, 0.98, 0.96)


def normals_of(vertices: Float[Tensor, "T V 3"], faces: Int[Tensor, "F 3"]) -> Float[Tensor, "T V 3"]:
    """Unit normals of the vertices, means over their faces weighted by area; zero where a vertex has no face."""
    corners = vertices[:, faces]
    across = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    total = torch.zeros_like(vertices)
    for corner in range(3):
        total.index_add_(1, faces[:, corner], across)
    return total / total.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def lamp_beside(R: Float[Tensor, "3 3"]) -> Float[Tensor, "3"]:
    """Towards the lamp, a unit vector in the world: over the left shoulder of whoever looks through this camera."""
    right, ahead = R[0] * R.new_tensor([1.0, 0, 1]), R[2] * R.new_tensor([1.0, 0, 1])
    # a camera that looks straight down has no ahead: the top of its image serves
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

    # half of the far side is lit as well, softly: no hard border runs over coarse faces
    lamp_light = _LAMP * tint(_LAMP_TINT) * (0.5 + 0.5 * turned).square()
    around = up * _ABOVE * tint(_ABOVE_TINT) + (1 - up) * _BELOW * tint(_BELOW_TINT)
    rim = _RIM * (1 - facing.clamp(0, 1)).pow(3) * up
    base = torch.as_tensor(colour, dtype=vertices.dtype).pow(_GAMMA)
    return (base * (lamp_light + around) + rim).clamp(0, 1).pow(1 / _GAMMA)
