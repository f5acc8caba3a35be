"""The shape of a person whose height the user knows."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

import torch
from torch import Tensor

from ..errors import DiffOptError
from ..interfaces import MeshBody
from ..types import CameraFrameBody, HumanMotion

log = logging.getLogger(__name__)
#: Heights of people, m.
_PEOPLE = (0.5, 2.6)


def metres(text: str) -> float:
    """The height that ``--height`` names, m. Raises DiffOptError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(m|cm)\s*", text)
    if not found:
        raise DiffOptError(f"--height {text}: expected a height such as 1.82m or 182cm")
    value = float(found[1]) * (0.01 if found[2] == "cm" else 1.0)
    if not _PEOPLE[0] <= value <= _PEOPLE[1]:
        raise DiffOptError(f"--height {text}: {value:g} m is no height of a person ({_PEOPLE[0]} to {_PEOPLE[1]} m)")
    return value


def stature(model: MeshBody, betas: Tensor) -> Tensor:
    """Height of the rest pose of each shape ``[n 10]``, m."""
    count = len(betas)
    still = HumanMotion(torch.eye(3).expand(count, 1, 24, 3, 3), torch.zeros(count, 1, 3), betas, model.name)
    up = model.vertices(still)[:, 0, :, 1]
    return up.amax(-1) - up.amin(-1)


def of_height(model: MeshBody, height: float) -> Tensor:
    """The most probable betas ``[10]`` of a person of that height, under the shape space's own unit normal: height is
    nearly linear in them, so a few steps of Newton's rule along its gradient."""
    betas = torch.zeros(10)
    for _ in range(3):
        changes = torch.cat([betas[None], betas + torch.eye(10)])
        tall = stature(model, changes)
        slope = tall[1:] - tall[0]
        # the point of the plane of that height which is nearest to the mean shape
        betas = slope * (height - tall[0] + slope @ betas) / slope.square().sum()
    return betas


def with_height(body: CameraFrameBody, text: str, model: MeshBody) -> CameraFrameBody:
    """First poses with the betas of that height, as far away as the taller or shorter body has to be.

    A body that has betas of another model keeps them, with a notice, since they tell its size already.
    """
    height = metres(text)
    if body.betas_of != model.name and bool((body.betas != 0).any()):
        log.warning("--height %s is not used: the first poses come with betas of '%s'", text, body.betas_of)
        return body
    betas = of_height(model, height)
    before, after = stature(model, torch.stack([torch.zeros(10), betas])).tolist()
    facts = {**body.facts, "shape": f"betas of --height {text} ({after:.2f} m; the mean is {before:.2f} m)"}
    transl = body.transl * (after / before)
    return replace(body, betas=betas.to(body.betas), betas_of=model.name, transl=transl, facts=facts)
