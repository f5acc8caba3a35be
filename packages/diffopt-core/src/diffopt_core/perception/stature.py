"""Size and shape of the person: betas of a body's own shape space, with the uncertainty of the height.

Each kind of evidence is linear in the betas, with a variance, so they are combined in closed form: proportions of bones
in the image, the first poses' own betas, feet that stand while a camera with a path in metres moves, and ``--height``.
The prior is the shape space's own (standard normal betas: adults), or that of children, whichever explains the
evidence better.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import DiffOptError
from ..interfaces import Body, BuildContext, MeshBody
from ..types import CameraFrameBody, CameraTrajectory, Clip, HumanMotion
from .bones import Lengths, rest_lengths, seen_lengths, told_lengths
from .footing import floor_scale, person_scale

if TYPE_CHECKING:
    from ..host.recipe_spec import InputSpec

log = logging.getLogger(__name__)
#: Heights of people, m.
_PEOPLE = (0.5, 2.6)
#: People in videos whom a shape space of adults does not expect: share, mean and standard deviation of the height, m;
#: children (3 to 16 years), and the tall, of whom sports have more than the population.
CHILDREN, TALL = (0.05, 1.38, 0.22), (0.10, 1.92, 0.10)
#: Standard deviations: of a height that the user gives, m; of one from a regressor's betas, m (published errors of
#: regressors: 5 to 9 cm); of the logarithm of its bones.
_GIVEN_SD, _REGRESSED_SD, _REGRESSED_BONE_SD = 0.01, 0.07, 0.05
#: Standard deviations from which on the height given and that of all else contradict each other.
_CONTRADICTS = 3.0
#: A height as people write it: 1.82m, 182cm, 5ft11, 5'11", 6ft, 71in; and metres of each of its units.
_NUMBER, _FEET, _INCHES = r"\d+(?:\.\d+)?", "(?:ft|['’′])", "(?:in|''|[\"”″])"
_HEIGHT = re.compile(
    rf"(?P<m>{_NUMBER})\s*m|(?P<cm>{_NUMBER})\s*cm|(?P<ft>{_NUMBER})\s*{_FEET}|(?P<in>{_NUMBER})\s*{_INCHES}"
    rf"|(?P<feet>\d+)\s*{_FEET}\s*(?P<inches>\d|1[01])\s*{_INCHES}?"
)
_METRES = {"m": 1.0, "cm": 0.01, "ft": 0.3048, "in": 0.0254, "feet": 0.3048, "inches": 0.0254}
#: Rounds of linearisation.
_ROUNDS = 3


def metres(text: str) -> float:
    """The height that ``--height`` names, m. Raises DiffOptError."""
    parts = _HEIGHT.fullmatch(text.strip().lower())
    if parts is None:
        raise DiffOptError(f"--height {text}: expected a height with its unit, such as 1.82m, 182cm, 5ft11 or 71in")
    value = sum(float(parts[unit]) * metre for unit, metre in _METRES.items() if parts[unit])
    if not _PEOPLE[0] <= value <= _PEOPLE[1]:
        raise DiffOptError(f"--height {text}: {value:g} m is no height of a person ({_PEOPLE[0]} to {_PEOPLE[1]} m)")
    return value


def stature(model: MeshBody, betas: Tensor) -> Tensor:
    """Height of the rest pose of each shape ``[n 10]``, m."""
    count = len(betas)
    still = HumanMotion(torch.eye(3).expand(count, 1, 24, 3, 3), torch.zeros(count, 1, 3), betas, model.name)
    up = model.vertices(still)[:, 0, :, 1]
    return up.amax(-1) - up.amin(-1)


@dataclass(frozen=True)
class Heard:
    """One kind of evidence. ``height``: value and standard deviation, m. ``bones``: logarithms of lengths over the mean
    shape's, up to a common constant, and their variances."""

    said: str
    height: tuple[float, float] | None = None
    bones: Lengths | None = None


@dataclass(frozen=True)
class Shape:
    """``betas [10]``; ``height`` and its standard deviation ``sd``, m."""

    betas: Tensor
    height: float
    sd: float


def shape_of(model: MeshBody, heard: Sequence[Heard]) -> Shape:
    """The most probable shape under all evidence and the better of the two priors."""
    betas = torch.zeros(10)
    for _ in range(_ROUNDS):
        moved = torch.cat([betas[None], betas + torch.eye(10)])
        tall = stature(model, moved).double()
        slope, here = tall[1:] - tall[0], betas.double()
        information, moment = torch.zeros(10, 10, dtype=torch.float64), torch.zeros(10, dtype=torch.float64)
        lengths = rest_lengths(model, torch.cat([torch.zeros(1, 10), moved])).log().double()
        for one in heard:
            if one.bones is not None:
                jacobian = (lengths[2:] - lengths[1]).T
                value = one.bones[0].double() - (lengths[1] - lengths[0]) + jacobian @ here
                weight = one.bones[1].double().reciprocal()
                weighted = (jacobian - _mean(jacobian, weight)) * weight[:, None]  # without the common constant
                information, moment = information + weighted.T @ jacobian, moment + weighted.T @ value
            if one.height is not None:
                sure = slope / one.height[1] ** 2
                information = information + sure.outer(slope)
                moment = moment + sure * (one.height[0] - tall[0] + slope @ here)
        level = tall[0] - slope @ here
        betas, sd = _better(information, moment, slope, level)
    return Shape(betas, float(stature(model, betas[None])), sd)


def _mean(rows: Tensor, weight: Tensor) -> Tensor:
    total = weight.sum()
    return (weight[:, None] * rows).sum(0) / total if total > 0 else torch.zeros_like(rows[0])


def _better(information: Tensor, moment: Tensor, slope: Tensor, level: Tensor) -> tuple[Tensor, float]:
    """Posterior mean ``[10]`` under the more probable prior; standard deviation of the height about it over both.

    ``slope``, ``level``: height as a linear function of the betas, m.
    """
    eye, size = torch.eye(10, dtype=torch.float64), slope.norm()
    across = slope / size
    found = []
    adults = 1 - CHILDREN[0] - TALL[0], float(level), float(size)
    for share, mean, sd in (adults, CHILDREN, TALL):
        centre = across * (mean - level) / size
        precision = eye + (float(size / sd) ** 2 - 1) * across.outer(across)
        whole = information + precision
        at = torch.linalg.solve(whole, moment + precision @ centre)
        evidence = 0.5 * (at @ whole @ at - centre @ precision @ centre + precision.logdet() - whole.logdet())
        found.append((math.log(share) + float(evidence), at, slope @ torch.linalg.solve(whole, slope)))
    chances = torch.tensor([one[0] for one in found]).softmax(0)
    best = found[int(chances.argmax())][1]
    spread = [variance + (slope @ (at - best)) ** 2 for _, at, variance in found]
    return best.float(), float(sum(p * v for p, v in zip(chances, spread, strict=True)) ** 0.5)


def with_shape(body: CameraFrameBody, clip: Clip, asked: InputSpec, model: Body, ctx: BuildContext) -> CameraFrameBody:
    """First poses with the shape that all evidence tells, as far away as the taller or shorter body has to be.

    ``clip``: with its observations and camera. ``asked.height`` counts always, the rest if ``asked.size`` says so; a
    body that has got its shape here, or has betas of ``model``, keeps them. A ``model`` without a shape space changes
    nothing.
    """
    if (
        not isinstance(model, MeshBody)
        or float(stature(model, torch.stack([torch.zeros(10), torch.ones(10)])).diff()) == 0
    ):
        return body
    heard = [] if asked.height is None else [Heard(f"--height {asked.height}", (metres(asked.height), _GIVEN_SD))]
    own = body.betas_of == model.name and bool((body.betas != 0).any())
    if asked.size == "evidence" and not own:
        heard += list(_evidence(body, clip, model, ctx))
    if not heard or (own and asked.height is None):
        return body
    shape = shape_of(model, heard)
    if asked.height is not None and len(heard) > 1:
        without = shape_of(model, heard[1:])
        if abs(without.height - shape.height) > _CONTRADICTS * without.sd:
            log.warning(
                "--height %s contradicts the images, which tell %.2f ± %.2f m: %s is used; is it right?",
                asked.height, without.height, without.sd, asked.height,
            )  # fmt: skip
    size = {"height": round(shape.height, 3), "sd": round(shape.sd, 3), "from": [one.said for one in heard]}
    facts = {key: value for key, value in body.facts.items() if key != "shape"} | {"size": size}
    before = float(stature(model, body.betas[None].cpu() if own else torch.zeros(1, 10)))
    return replace(
        body,
        betas=shape.betas.to(body.betas),
        betas_of=model.name,
        transl=body.transl * (shape.height / before),
        facts=facts,
    )


def by_the_person(camera: CameraTrajectory, body: CameraFrameBody, model: Body) -> CameraTrajectory:
    """A path whose unit was guessed from a mean person's torso (``scale_from``), in that of the person whose height is
    known."""
    if camera.unit != "guess" or "scale_from" not in camera.facts or "size" not in body.facts:
        return camera
    assert isinstance(model, MeshBody)
    times = body.facts["size"]["height"] / float(stature(model, torch.zeros(1, 10)))
    said = f"{camera.facts['scale_from']}, times {times:.2f} for a person of {body.facts['size']['height']:.2f} m"
    return replace(camera, t=camera.t * times, facts={**camera.facts, "scale_from": said})


def _evidence(body: CameraFrameBody, clip: Clip, model: MeshBody, ctx: BuildContext) -> Iterator[Heard]:
    """What first poses, images and camera tell of the shape."""
    assert clip.observations is not None and clip.camera is not None
    if bool((body.betas != 0).any()) and (told := _regressed(body, ctx)) is not None:
        yield told
    seen = body, clip.observations, clip.camera, clip.fps, model
    yield Heard("proportions in the images", bones=seen_lengths(*seen))
    mean = float(stature(model, torch.zeros(1, 10)))
    if clip.camera.metric and (scale := person_scale(*seen)) is not None:
        yield Heard("standing feet and the camera's path", (scale[0] * mean, scale[1] * mean))
    if clip.camera.held and (scale := floor_scale(body, clip.observations, clip.camera, model)) is not None:
        yield Heard("the floor of the other's world", (scale[0] * mean, scale[1] * mean))


def _regressed(body: CameraFrameBody, ctx: BuildContext) -> Heard | None:
    """What betas of another model tell; None, with a notice, without that model's file."""
    try:
        other = ctx.build("body", body.betas_of)
        assert isinstance(other, MeshBody)
    except DiffOptError as error:
        log.warning("betas of '%s' tell nothing of the person's size without that body model: %s", body.betas_of, error)
        return None
    betas = body.betas.float().cpu()
    tall = float(stature(other, betas[None]))
    bones = told_lengths(other, betas, _REGRESSED_BONE_SD)
    return Heard(f"betas of {body.betas_of} with the first poses", (tall, _REGRESSED_SD), bones)
