"""SMPL of the person's gender, which alone turns EMDB's parameters into joints, pelvis and mesh."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import torch
from diffopt_core.bodies.linear import BodyArrays, LinearBody
from diffopt_core.bodies.smpl import ENVIRONMENT, NAME, NUM_VERTICES, find_model, read_model
from diffopt_core.errors import MissingResource
from diffopt_core.places import weights_folder

#: SMPL's vertex at the tip of the nose: a linear body wants one point beside its joints.
_NOSE = 332


def smpl_folder(named: Path | None) -> Path:
    """Where SMPL's files are: ``named``, else where DIFFOPT_SMPL points, else the folder of weights.

    A file stands for its folder: one file is one gender, which need not be the one that is wanted.
    """
    given = named or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else weights_folder())
    given = given.expanduser()
    return given.parent if given.is_file() else given


def gendered_body(folder: Path, gender: str, sequence: str) -> LinearBody:
    """SMPL of a gender (CPU, float32) from ``folder``.

    Its name is ``smpl`` for neutral, else ``smpl-<gender>``: shapes of one do not fit the other. Raises
    MissingResource (what, where to get it, where to put it), or BadInput for a file that is not SMPL's.
    """
    file = _model_file(folder, gender, sequence)
    return _load(file, file.stat().st_mtime_ns, gender)


def _model_file(folder: Path, gender: str, sequence: str) -> Path:
    with suppress(MissingResource):
        return find_model(folder, gender)
    stem = f"SMPL_{gender.upper()}"
    raise MissingResource(
        f"the truth of {sequence} needs SMPL's {gender} model; '{folder}' holds no {stem}.npz or {stem}.pkl: register "
        "at https://smpl.is.tue.mpg.de (non-commercial licence), download SMPL for Python, name its file of this "
        f"gender {stem}.pkl, and name its folder with --set dataset.smpl=FOLDER or the environment variable "
        f"{ENVIRONMENT}, or put it into the folder that `diffopt weights where` names; --set dataset.truth=false "
        "reads images and calibration without it"
    )


@lru_cache(maxsize=3)
def _load(file: Path, changed: int, gender: str) -> LinearBody:
    """``changed`` only tells two states of a file apart."""
    nose = torch.zeros(NUM_VERTICES)
    nose[_NOSE] = 1.0
    arrays = BodyArrays.of(read_model(file), torch.device("cpu"))
    return LinearBody(NAME if gender == "neutral" else f"{NAME}-{gender}", arrays, {"nose": nose})
