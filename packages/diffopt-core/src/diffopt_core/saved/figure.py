"""Whose motion is it? The body of a result, its shape, and what of both is needed to write a file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..bodies import anny24, smpl
from ..bodies.linear import BodyArrays, LinearBody
from ..errors import DiffOptError, MissingResource
from ..types import Result
from .rest import posed, rest_from_joints

log = logging.getLogger(__name__)
#: A result whose joints are further from its body's than this was posed by another body, m.
_FAR = 1e-3
#: Rest pelvis of an average adult in SMPL's origin, m, where no mesh body says it: what `transl` of SMPL leaves out.
STAND_IN = (0.0, -0.22, 0.03)


@dataclass(frozen=True)
class Figure:
    """``rest`` (24, 3) T-pose joints about the pelvis, m; ``pelvis`` (3,) its place in the model's own origin, exact or
    (``pelvis_known`` False) that of an average adult; ``betas`` (10,) the shape that the joints have, zero for the
    mean. ``mesh`` is None where the body has none, or where ``missing`` says what it lacks. ``gender``: of SMPL's
    model, neutral for all others."""

    rest: Tensor
    pelvis: Tensor
    pelvis_known: bool
    betas: Tensor
    mesh: LinearBody | None = None
    missing: str | None = None
    gender: str = "neutral"


def figure_of(result: Result) -> Figure:
    """The figure that has the joints of the result.

    Raises DiffOptError where they fit neither the body that the result names nor any rigid skeleton.
    """
    return replace(_figure(result), gender=_gender(result))


def _gender(result: Result) -> str:
    """That of the body that solved it, else that of the model whose betas these are (``smpl-female``)."""
    if result.body_model == smpl.NAME:
        return str(_options(result.recipe).get("gender", "neutral"))
    return result.motion.betas_of.removeprefix(f"{smpl.NAME}-") if "-" in result.motion.betas_of else "neutral"


def _figure(result: Result) -> Figure:
    motion, joints = result.motion, result.joints.double()
    pose, trans = motion.pose.double(), motion.trans.double()
    betas = motion.betas.reshape(-1)[:10]
    body, missing = _mesh(result)
    if body is not None:
        own = [betas] if motion.betas_of == body.name else []
        for shape in (*own, torch.zeros_like(betas)):
            rest = body.rest_joints(shape[None])[0].double()
            if _apart(posed(pose, trans, rest), joints) < _FAR:
                return Figure(rest, body.rest_pelvis(shape[None])[0].double(), True, shape, body)
        missing = f"the joints of this result are not those of body '{body.name}' in any shape it names"
    given = result.clip.rest_joints.double() if result.clip.rest_joints is not None else None
    fits = given is not None and _apart(posed(pose, trans, given - given[:1]), joints) <= _FAR
    rest = given if given is not None and fits else rest_from_joints(pose, joints)
    rest = rest - rest[:1]
    off = _apart(posed(pose, trans, rest), joints)
    if off > _FAR:
        raise DiffOptError(
            f"{result.clip.path or result.clip.name}: joints: do not follow from its rotations (up to {off * 1e3:.0f} "
            "mm apart); was it written by another version, or changed by another program?"
        )
    return Figure(rest, rest.new_tensor(STAND_IN), False, betas, None, missing)


def _apart(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm(dim=-1).max())


def _mesh(result: Result) -> tuple[LinearBody | None, str | None]:
    """The mesh body of a result, or why there is none (None for a body that never has one)."""
    if result.body_model == anny24.NAME:
        return anny24.load(), None
    if result.body_model == smpl.NAME:
        try:
            return _smpl(result.recipe), None
        except MissingResource as error:
            return None, str(error)
    if result.body_model != "stick":
        return None, f"the mesh of body '{result.body_model}' is not known here"
    return None, None


def _options(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of body ``smpl`` in a recipe; none where it names another body or ``auto``."""
    role = recipe.get("body")
    return role.get("options", {}) if isinstance(role, Mapping) and role.get("name") == smpl.NAME else {}


def _smpl(recipe: Mapping[str, Any]) -> LinearBody:
    """SMPL as a skinned mesh, from the file that the run used or the user has; needs no smplx."""
    options = _options(recipe)
    path = options.get("path")
    arrays = smpl.read_model(smpl.find_model(Path(path) if path else None, options.get("gender", "neutral")))
    point = torch.zeros(len(arrays["v_template"]))
    return LinearBody(smpl.NAME, BodyArrays.of(arrays, torch.device("cpu")), {"none": point})
