"""Set the whole clip on the floor: one vertical shift, from how high the soles are while feet stand."""

from __future__ import annotations

import torch
from diffopt_core.saved import Figure
from diffopt_core.skeleton import JOINT
from torch import Tensor

from .contact import POINTS

#: Ankle and ball of a standing foot over its sole, as shares of the leg's length, for a body without a surface
#: (those of the embedded mesh body).
_SHARES = (0.096, 0.034)


def clearance(figure: Figure) -> Tensor:
    """(2,) m: height of ankle and ball over the sole of a flat foot."""
    rest = figure.rest
    heights = rest[[list(pair) for pair in POINTS], 1].mean(0)
    if figure.mesh is not None:
        template = figure.mesh.arrays.template.double()
        betas = figure.betas.double()
        shaped = template + torch.einsum("vdk,k->vd", figure.mesh.arrays.shapedirs.double(), betas)
        return heights - (shaped[:, 1].min() - figure.pelvis[1])
    leg = (rest[JOINT["left_hip"]] - rest[JOINT["left_ankle"]]).norm()
    return leg * torch.tensor(_SHARES, dtype=rest.dtype)


def lift(joints: Tensor, standing: Tensor, figure: Figure) -> float:
    """m to add to y: minus the median height of the lower sole over the frames in which a foot stands (all frames
    where none does: then the lowest tenth of them)."""
    points = joints[:, [list(pair) for pair in POINTS], 1]  # T 2 2
    soles = (points - clearance(figure)).flatten(1)
    some = standing.flatten(1)
    lowest = torch.where(some, soles, torch.inf).amin(1)
    stands = some.any(1)
    if stands.any():
        return -float(lowest[stands].median())
    return -float(torch.quantile(soles.amin(1), 0.1))
