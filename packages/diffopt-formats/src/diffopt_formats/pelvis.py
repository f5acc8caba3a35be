"""The pelvis joint in the rest pose: the offset between SMPL's ``transl`` and our translation.

SMPL rotates about the pelvis joint, so ``pelvis = transl + rest_pelvis(betas)`` in any frame and pose. The rest pelvis
is linear in betas and exact with the user's model file. Without a file, the mean shape's is used (published values, to
0.1 mm); betas move it by 1 to 2 cm.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from diffopt_core.common.unpickle import read_foreign, to_array
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.parts.bodies.smpl import ENVIRONMENT, find_model

#: Rest pelvis of the neutral mean shape, m. SMPL-H is assumed equal to SMPL.
PUBLISHED = {
    "smpl": (-0.0018, -0.2233, 0.0282),
    "smplh": (-0.0018, -0.2233, 0.0282),
    "smplx": (0.0031, -0.3514, 0.0120),
}
_VERTICES = {"smpl": 6890, "smplh": 6890, "smplx": 10475}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RestJoints:
    """Rest joints of a body model, linear in betas: ``mean + shape betas``; exact with a model file."""

    mean: np.ndarray  # J 3
    shape: np.ndarray  # J 3 10
    source: str

    def joints(self, betas: np.ndarray) -> np.ndarray:
        """``[* J 3]`` of betas ``[* 10]``, m, in the model's own frame."""
        return self.mean + np.einsum("jik,...k->...ji", self.shape, betas)

    def pelvis(self, betas: np.ndarray) -> np.ndarray:
        """``[* 3]`` of betas ``[* 10]``, m."""
        return self.joints(betas)[..., 0, :]

    @property
    def exact(self) -> bool:
        return len(self.mean) > 1


def rest_joints(model: str, smpl: Path | None, notify: bool = True) -> RestJoints:
    """Rest joints of body model ``model`` (``smpl``, ``smplh``, ``smplx``), from the user's file: the option ``smpl``
    or the environment variable. Without a file of that model: only the published pelvis, with a notice. Raises
    MissingResource if the option names no file, BadInput for a file of another model.
    """
    file = _find(model, smpl)
    if file is not None:
        read = _read(file)
        if len(read[0]) == _VERTICES[model]:
            return RestJoints(*_regress(*read), str(file))
        if smpl is not None:
            problem = f"{len(read[0])} vertices; {model} has {_VERTICES[model]}: the result uses another body model"
            raise BadInput(file, "v_template", problem)
    if notify:
        _log.warning(
            f"no {model.upper()} model file is given (option smpl, or {ENVIRONMENT}): "
            "the mean shape's pelvis is used; its shift with betas (1 to 2 cm) is ignored"
        )
    return RestJoints(np.array([PUBLISHED[model]]), np.zeros((1, 3, 10)), "mean shape")


def _find(model: str, smpl: Path | None) -> Path | None:
    if smpl is None and not os.environ.get(ENVIRONMENT):
        return None
    if model != "smplx":
        return find_model(smpl, "neutral")
    given = (smpl or Path(os.environ[ENVIRONMENT])).expanduser()
    if given.is_file():
        return given
    names = [folder / f"SMPLX_NEUTRAL{end}" for folder in (given, given / "smplx") for end in (".npz", ".pkl")]
    found = next((name for name in names if name.is_file()), None)
    if found is None and smpl is not None:
        raise MissingResource(
            f"no SMPL-X model file at '{given}' (looked for it and for SMPLX_NEUTRAL.npz/.pkl in it): register at "
            "https://smpl-x.is.tue.mpg.de (non-commercial licence) and give the file or its folder"
        )
    return found


def _read(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """v_template ``[V 3]``, shapedirs ``[V 3 10]``, J_regressor ``[J V]``."""
    held = read_foreign(file)
    if not isinstance(held, dict):
        raise BadInput(file, "content", f"a mapping of arrays was expected, not {type(held).__name__}")
    arrays = []
    for key in ("v_template", "shapedirs", "J_regressor"):
        if key not in held:
            raise BadInput(file, key, "missing; this is not a body model file")
        try:
            arrays.append(np.asarray(to_array(held[key]), dtype=np.float64))
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(file, key, f"cannot be read as an array: {error}") from error
    template, shape, regressor = arrays
    if template.ndim != 2 or template.shape[1] != 3 or shape.ndim != 3 or shape.shape[2] < 10:
        raise BadInput(file, "shapedirs", f"shape {shape.shape} beside v_template {template.shape}")
    if shape.shape[0] != len(template) or regressor.ndim != 2 or regressor.shape[1] != len(template):
        raise BadInput(file, "J_regressor", f"shape {regressor.shape} beside v_template {template.shape}")
    return template, shape[..., :10], regressor


def _regress(template: np.ndarray, shape: np.ndarray, regressor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return regressor @ template, np.einsum("jv,vik->jik", regressor, shape)
