"""The ground truth of a result on disk, aligned with it."""

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
from ...errors import BadInput, DiffOptError
from ...host.recipe import parse
from ...host.registry import Registry
from ...parts.metrics.evidence import NotScorable, fitted
from ...perception.perceive import is_there, open_clip
from ...types import Truth


@dataclass(frozen=True)
class Beside:
    """The aligned truth. ``joints`` in the motion's world, m, nan where the truth has none; ``error`` mm per joint, nan
    where the truth has none; ``R``, ``t``: from the truth's world to the motion's."""

    joints: Float[Tensor, "T 24 3"]
    error: Float[Tensor, "T 24"]
    R: Float[Tensor, "3 3"]
    t: Float[Tensor, "3"]


def named_joints(truth: Truth) -> Float[Tensor, "T 24 3"]:
    """True joints in SMPL's order, in the truth's own world, m, float64; nan where it has none."""
    layout = LAYOUTS[truth.layout]
    names = layout if truth.index is None else tuple(layout[i] for i in truth.index)
    theirs = [i for i, name in enumerate(names) if name in JOINTS]
    whole = torch.full((len(truth.joints), len(JOINTS), 3), torch.nan, dtype=torch.float64)
    whole[:, [JOINTS.index(names[i]) for i in theirs]] = truth.joints.detach().cpu().double()[:, theirs]
    return whole


def truth_beside(truth: Truth, joints: Float[Tensor, "T 24 3"]) -> Beside | None:
    """The truth after one rotation and translation for the clip, fitted in float64 on the frames in which all its
    joints are finite.

    None if the fit is not unique, if no joint is known by name, or if the number of frames differs.
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
    """The truth of the result in ``folder``; ``run``: its ``run.json``. None if its clip had no truth, or, with a
    warning, if the input no longer exists or has changed.

    Only installed plugins are used: plugin files that run.json names are not executed.
    """
    if not run.get("metrics"):  # a clip with truth is scored
        return None
    name, where = run.get("clip"), str(folder)
    try:
        ctx = Registry.load().context()
        recipe = parse(run["recipe"], f"{folder / 'run.json'}")
        inputs = [input_of(Path(path), folder) for path in run.get("inputs", ())]
        for path in sorted(inputs, key=lambda path: path.stem != name):  # the likeliest input of a batch first
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
        log.warning("%s: the truth cannot be read and is left out (%s)", where, error)
        return None
    log.warning("%s: the input file of clip '%s' no longer exists, so its truth is left out", where, name)
    return None


def truth_file(folder: Path, run: Mapping[str, Any]) -> Path:
    """The truth's file beside the input of the result in ``folder``; ``run``: its ``run.json``. Raises BadInput."""
    name, recipe = str(run.get("clip", "")), run.get("recipe", {})
    asked = recipe.get("dataset", {}).get("options", {}).get("truth")
    inputs = [input_of(Path(str(path).partition("#")[0]), folder) for path in run.get("inputs", ())]
    beside = [Path(asked)] if asked else [path.parent / "truth" / f"{name}.npz" for path in inputs]
    if (found := next(filter(Path.is_file, beside), None)) is not None:
        return found
    where = f" ({beside[0]} is not there)" if beside else ""
    raise BadInput(folder, "--truth", f"give its ground truth, a file or a folder with {name or '<clip>'}.npz{where}")


def input_of(path: Path, folder: Path) -> Path:
    """The input at its recorded path, or the file of that name in the result folder (as for the demonstration)."""
    beside = folder / path.name
    return beside if beside.exists() and not path.exists() else path
