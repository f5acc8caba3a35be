"""The truth of a result on disk, laid beside it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.geometry import transform
from ...data.skeleton import JOINTS, LAYOUTS
from ...errors import DiffOptError
from ...host.recipe import parse
from ...host.registry import Registry
from ...parts.metrics.evidence import NotScorable, fitted
from ...perception.perceive import is_there, open_clip
from ...types import Truth


@dataclass(frozen=True)
class Beside:
    """``joints`` in the motion's world, m, nan where the truth has none; ``error`` mm, of the joints that it has, nan
    for the others; ``R``, ``t``: from the truth's world to the motion's."""

    joints: Float[Tensor, "T 24 3"]
    error: Float[Tensor, "T 24"]
    R: Float[Tensor, "3 3"]
    t: Float[Tensor, "3"]


def named_joints(truth: Truth) -> Float[Tensor, "T 24 3"]:
    """True joints under SMPL's names, in the truth's own world, m, double; nan where it has none."""
    layout = LAYOUTS[truth.layout]
    names = layout if truth.index is None else tuple(layout[i] for i in truth.index)
    theirs = [i for i, name in enumerate(names) if name in JOINTS]
    whole = torch.full((len(truth.joints), len(JOINTS), 3), torch.nan, dtype=torch.float64)
    whole[:, [JOINTS.index(names[i]) for i in theirs]] = truth.joints.detach().cpu().double()[:, theirs]
    return whole


def truth_beside(truth: Truth, joints: Float[Tensor, "T 24 3"]) -> Beside | None:
    """Fitted on all frames in which every joint that the truth has is finite, in double precision.

    None where the fit has no answer, where no joint is known by name, or where the truth has other frames.
    """
    true, pred = named_joints(truth), joints.detach().cpu().double()
    has = true.isfinite().all(-1).any(0)
    if not bool(has.any()) or len(true) != len(pred):
        return None
    good = true[:, has].isfinite().all(-1).all(-1)
    try:
        R, t, _ = fitted(true[good][:, has].reshape(-1, 3), pred[good][:, has].reshape(-1, 3), scale=False)
    except NotScorable:
        return None
    moved = transform(true, R, t)
    return Beside(moved, (moved - pred).norm(dim=-1) * 1000.0, R, t)


log = logging.getLogger(__name__)


def truth_of(folder: Path, run: Mapping[str, Any], frames: int) -> Truth | None:
    """The truth behind the result in ``folder``, of whose ``run.json`` this is the content; None where its clip had
    none, or where the input is gone or has changed, which a notice tells.

    Only installed plugins are asked: a file that run.json names as a plugin is not run for the sake of looking.
    """
    if not run.get("metrics"):  # a clip with truth is scored
        return None
    name, where = run.get("clip"), str(folder)
    try:
        ctx = Registry.load().context()
        recipe = parse(run["recipe"], f"{folder / 'run.json'}")
        inputs = [input_of(Path(path), folder) for path in run.get("inputs", ())]
        for path in sorted(inputs, key=lambda path: path.stem != name):  # the likely one of a batch first
            if not is_there(path):
                continue
            clip = open_clip(path, recipe, ctx)
            if clip.name != name:
                continue
            if clip.sha256 != run.get("sha256"):
                log.warning("%s: %s has changed since this run, so its truth is left out", where, path)
                return None
            if clip.truth is None or clip.num_frames != frames:
                log.warning("%s: %s no longer has the truth that this run was scored against", where, path)
                return None
            return clip.truth
    except (DiffOptError, KeyError, OSError, ValueError) as error:
        log.warning("%s: the truth cannot be read again and is left out (%s)", where, error)
        return None
    log.warning("%s: the file behind clip '%s' is gone, so its truth is left out", where, name)
    return None


def input_of(path: Path, folder: Path) -> Path:
    """An input as it was named then, or the file of that name in the result folder (the demonstration's lies there)."""
    beside = folder / path.name
    return beside if beside.exists() and not path.exists() else path
