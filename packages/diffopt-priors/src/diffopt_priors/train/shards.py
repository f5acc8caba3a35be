"""``diffopt train shards``: motion that users fetched themselves (AMASS's layout) as shards that trainings read.

A training knows one skeleton. A person with longer legs takes longer steps than that skeleton with the same rotations,
so its path would slide over the floor: every clip's path is divided by the ratio of its own leg length to the
skeleton's. The ratio needs no body model: it is the height of the pelvis over that of the skeleton in the same pose.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

_log = logging.getLogger(__name__)

#: Height of a standing foot's ankle or ball over the floor at the lowest, m.
_SOLE = 0.02
#: Legs of people against the skeleton's; outside of it the clip does not stand on its feet.
_LEGS = (0.7, 1.4)
#: A clip whose standing feet differ by more than this in height (m) is not on flat ground.
_FLAT = 0.15
#: Feet slower than this (m/s) stand.
_STANDS = 0.25
#: Shortest clip, s: less than that holds no step.
_SHORTEST = 1.1


def train_shards(
    source: Annotated[
        list[Path], typer.Argument(help="Motion files in AMASS's layout (.npz), or folders, read recursively.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for NAME_train.npz, NAME_val.npz and skeleton.json.")],
    name: Annotated[str, typer.Option(help="Of the data; the trainings' card names it and its terms.")] = "amass",
    val: Annotated[
        list[str] | None, typer.Option(help="A word of paths that are kept for validation, e.g. a subject; repeat it.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="A word of paths that are left out; repeat it.")] = None,
    fps: Annotated[float, typer.Option(help="Frame rate of the shards.")] = 30.0,
    skeleton: Annotated[Path | None, typer.Option(help="skeleton.json; default: that of the shipped prior.")] = None,
) -> int:
    """Make shards for `diffopt train` of motion in AMASS's layout.

    The subject is the folder that a file lies in. Clips off flat ground (stairs, seats) are marked, and left out by the
    trainings. A file that cannot be read costs itself alone: it is named, and the command ends with 1.

    Example: diffopt train shards runs/drawn --out runs/shards --name drawn (after diffopt sample mdm --out runs/drawn)
    """
    from diffopt_core.common.npz import write_npz
    from diffopt_core.common.output import answer, say
    from diffopt_core.errors import BadInput, DiffOptError
    from diffopt_core.host.train.shards import packed, read_offsets, write_offsets

    files = [(root, path) for root in source for path in _files(root)]
    files = [(root, path) for root, path in files if not any(word in str(path) for word in exclude or ())]
    if not files:
        raise DiffOptError(f"{', '.join(map(str, source))}: no .npz found; expected files in AMASS's layout")
    offsets = read_offsets(skeleton) if skeleton is not None else _reference()
    parts: dict[str, list[tuple[str, str, bool, np.ndarray, np.ndarray]]] = {"train": [], "val": []}
    failed: dict[str, str] = {}
    for root, path in files:
        part = parts["val" if any(word in str(path) for word in val or ()) else "train"]
        try:
            for address, clip in _clips(path, fps):
                made = fit(*clip, offsets, fps)
                if made is not None:
                    label = str(path.relative_to(root) if root.is_dir() else path.name) + address
                    part.append((label, path.parent.name, *made))
        except BadInput as error:
            failed[str(path)] = str(error)
            _log.warning(str(error))
    written = {}
    for kind, rows in parts.items():
        if rows:
            target = out / f"{name}_{kind}.npz"
            names, subjects, on_flat, poses, trans = zip(*rows, strict=True)
            write_npz(target, packed(poses, trans, names, subjects, on_flat, fps))
            frames = sum(map(len, trans))
            written[target.name] = {"clips": len(rows), "flat": sum(on_flat), "hours": round(frames / fps / 3600, 3)}
    if not written:
        raise DiffOptError(f"no clip of at least {_SHORTEST} s in {len(files)} files")
    write_offsets(out / "skeleton.json", offsets)
    answer({"folder": out, "files": written, "failed": failed})
    for file, figures in written.items():
        say(f"{out / file}: {figures['clips']} clips, {figures['flat']} on flat ground, {figures['hours']} h")
    return 1 if failed else 0


def fit(pose: Tensor, trans: Tensor, offsets: Tensor, fps: float) -> tuple[bool, np.ndarray, np.ndarray] | None:
    """One clip on the skeleton: whether it is on flat ground, axis-angles ``[T 24 3]``, pelvis ``[T 3]`` (m).

    ``pose`` ``[T 24 3 3]``, ``trans`` ``[T 3]`` pelvis in a world with Y up and the floor near y = 0. None for clips
    that are too short.
    """
    import torch
    from diffopt_core.data.rotation import matrix_to_axis_angle
    from diffopt_core.data.skeleton import FEET

    from diffopt_priors.mdm.features import kinematics

    if len(trans) < _SHORTEST * fps:
        return None
    feet = kinematics(pose, torch.zeros_like(trans), offsets)[:, list(FEET)]
    lowest = feet[..., 1].amin(-1)
    upright = lowest < -0.4
    ratio = (trans[:, 1] / (_SOLE - lowest))[upright].median() if upright.any() else torch.tensor(1.0)
    if not _LEGS[0] < float(ratio) < _LEGS[1]:
        ratio = torch.tensor(1.0)
    trans = trans / ratio
    world = feet + trans[:, None]
    stands = world[1:].sub(world[:-1]).norm(dim=-1) * fps < _STANDS
    heights = world[1:, :, 1][stands & (world[1:, :, 1] <= world[1:, :, 1].amin(-1, keepdim=True) + 0.05)]
    floor = (heights if len(heights) else world[..., 1].amin(-1)).quantile(0.1)
    trans = trans - torch.stack([trans.new_zeros(()), floor - _SOLE, trans.new_zeros(())])
    flat = len(heights) == 0 or bool(heights.quantile(0.98) - floor < _FLAT)
    return flat, matrix_to_axis_angle(pose).numpy(), trans.numpy()


def _files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.npz")) if root.is_dir() else [root]


def _clips(path: Path, fps: float) -> Iterable[tuple[str, tuple[Tensor, Tensor]]]:
    from diffopt_core.parts.datasets.configs import AmassConfig
    from diffopt_core.parts.datasets.motion_file import load_motions

    for address, clip in load_motions(path, AmassConfig(fps=fps)):
        assert clip.truth is not None and clip.truth.motion is not None
        yield address.removeprefix(str(path)), (clip.truth.motion.pose, clip.truth.motion.trans)


def _reference() -> Tensor:
    """Offsets of the shipped prior's skeleton."""
    from diffopt_priors.cards import MDM_WEIGHTS
    from diffopt_priors.mdm import weights

    return weights.load(MDM_WEIGHTS.resolve("open"))[0].offsets
