"""Reading a result, or a motion file, as the Result that exporters take."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import torch

from ...common.documents import read_json
from ...common.npz import Arrays, check_arrays, keys_of, read_npz
from ...common.words import counted
from ...data.rotation import axis_angle_to_matrix
from ...errors import BadInput, reading
from ...host.contract import broken
from ...parts.assumed import Ground, of_data
from ...parts.assumed import read as read_grounds
from ...parts.bodies import anny24, smpl
from ...parts.datasets.case_keys import text
from ...parts.datasets.configs import AmassConfig
from ...parts.datasets.motion_file import load_motion, split_address
from ...types import CameraTrajectory, Clip, HumanMotion, Result, Spread, Status, Travel, Unit
from ..shards import Packed
from .evidence import with_evidence
from .figure import posed
from .truth import truth_of

log = logging.getLogger(__name__)
#: Version of run.json that this code reads.
RUN_FORMAT = 1
FILE = "motion.npz"
_SHAPES: dict[str, tuple[int, ...]] = {
    "joints": (-1, 24, 3), "global_orient": (-1, 3), "body_pose": (-1, 23, 3), "transl": (-1, 3), "betas": (10,),
    "cam_R": (-1, 3, 3), "cam_t": (-1, 3), "cam_focal": (-1, 2), "cam_centre": (-1, 2), "image_size": (2,), "fps": (),
}  # fmt: skip
_WORDS = ("body_model", "betas_of")
#: Where results are below the folder of several (of a grid: row, seed, case); how many are named.
_BELOW, _NAMED = ("*", "*/*", "*/*/*", "*/*/*/*"), 4


def read_result(path: Path, truth: bool = False) -> Result:
    """Read a result folder, its ``motion.npz``, a result in a shard (``SHARD.tar#KEY``), or any motion file
    that dataset ``amass`` reads (also ``FILE#clip``).

    With ``evidence.npz`` beside it, the result also has its keypoints, initial motion and camera, losses and video;
    without it (an older folder) ``initial`` is the motion itself. ``truth``: also read the ground truth from the run's
    input; a warning is logged if it no longer exists. A motion file has no camera: ``clip.size`` is (0, 0), which
    exporters take as none. Raises BadInput naming file and key. Nothing is solved or scored again.
    """
    if (packed := Packed.of(path)) is not None:
        with packed.unpacked() as folder:
            return read_result(folder, truth)
    with reading(path):
        result = _read(path, truth)
        motions = (result.motion, result.initial, result.camera, result.initial_camera)
        parts = (*motions, *result.clip.parts.values())
        if clause := next(filter(None, (broken(part, result.clip.num_frames) for part in parts)), None):
            raise BadInput(path, FILE, f"holds {clause}")
        if result.clip.rest_joints is not None and not bool(result.clip.rest_joints.isfinite().all()):
            raise BadInput(path, "rest_joints", "are not finite")
        if not bool((result.joints.isfinite() & result.initial_joints.isfinite()).all()):
            raise BadInput(path, "joints", "are not finite")
        return result


def place_beside(source: Path, clip: str = "") -> Path:
    """Folder of what is made of a result: its own; of one in a shard, or of a motion file, ``exports/<clip>``."""
    own = source.parent if source.name == FILE else source
    return own if own.is_dir() else Path("exports", clip)


def _read(path: Path, truth: bool) -> Result:
    if path.is_dir():
        return _own(motion_in(path), truth)
    file, _ = split_address(path)
    if not file.exists():
        raise BadInput(file, "file", "does not exist")
    if (file.parent / FILE).is_file() and file.suffix in (".json", ".html", ".png"):
        raise BadInput(file, "RESULT", f"is one file of a result: name its folder, {file.parent}")
    if file.suffix == ".tar":
        raise BadInput(file, "SHARD#KEY", f"is a shard: name a result in it, {file}#KEY (keys: index.csv beside it)")
    if "joints" in (keys := keys_of(file)) and "body_model" in keys:
        return _own(file, truth)
    if {"global_orient", "body_pose", "cam_R"} <= keys:
        raise BadInput(file, "body_model", "is missing: a result of another version; run it again, or export its "
                       "poses as a motion file")  # fmt: skip
    return _foreign(path)


def motion_in(folder: Path) -> Path:
    """The motion of a result folder. Raises BadInput that names the results inside a folder of several."""
    if (file := folder / FILE).is_file():
        return file
    if shard := next((each.name for each in sorted(folder.glob("shard-*.tar"))), None):
        how = f"the results are in shards: name one, {folder}/{shard}#KEY (keys: index.csv)"
        raise BadInput(folder, FILE, f"does not exist; {how}")
    for below in _BELOW:
        if found := sorted(each.parent for each in folder.glob(f"{below}/{FILE}")):
            more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            some = ", ".join(map(str, found[:_NAMED]))
            raise BadInput(folder, FILE, f"does not exist; the folder holds {counted(len(found), 'result')}: name one, "
                           f"{some}{more}")  # fmt: skip
    raise BadInput(folder, FILE, "does not exist; expected a result folder, as `diffopt run` writes it")


def _own(file: Path, truth: bool) -> Result:
    run = run_beside(file.parent / "run.json")
    arrays = read_npz(file)
    _check(file, arrays)
    frames = len(arrays["joints"])

    def tensor(key: str) -> torch.Tensor:
        return torch.from_numpy(arrays[key]).float()

    pose = torch.cat([tensor("global_orient")[:, None], tensor("body_pose")], dim=1)
    betas_of, body_model = str(arrays["betas_of"]), str(arrays["body_model"])
    motion = HumanMotion(axis_angle_to_matrix(pose), tensor("transl"), tensor("betas"), betas_of)
    camera = CameraTrajectory(
        tensor("cam_R"), tensor("cam_t"), tensor("cam_focal"), tensor("cam_centre"), "metre", True
    )
    rest = tensor("rest_joints") if "rest_joints" in arrays else None
    width, height = (int(v) for v in arrays["image_size"])
    name = str(run.get("clip") or (file.parent.absolute().name if file.name == FILE else file.stem))
    facts = run.get("evidence") or {}
    clip = Clip(
        name, file, float(arrays["fps"]), (width, height), frames,
        camera=_as_found(camera, dict(facts.get("camera", {})), arrays.get("bridged")), rest_joints=rest,
        sha256=str(run["sha256"]) if run.get("sha256") else None,
        focal_from=str(run.get("focal_from", "")), facts=dict(facts.get("clip", {})),
        doubts=tuple(map(str, dict(facts.get("clip", {})).get("doubts", ()))),
        truth=truth_of(file.parent, run, frames) if truth and run else None,
    )  # fmt: skip
    status = Status(run.get("status", Status.FINISHED))
    run = {**run, "assumed": read_grounds(run.get("assumed")) or _grounds_in(arrays)}
    result = _result(clip, motion, camera, tensor("joints"), body_model, status, run)
    if {"root_band90", "joint_band90"} <= arrays.keys():
        draws = int(run.get("recipe", {}).get("draws", {}).get("count", 1))
        result = replace(result, spread=Spread(draws, tensor("root_band90"), tensor("joint_band90")))
    return with_evidence(result, file.parent, facts) if file.name == FILE else result


def _foreign(path: Path) -> Result:
    clip = load_motion(path, AmassConfig(fps=None))
    assert clip.truth is not None and clip.truth.motion is not None
    motion, joints, name = clip.truth.motion, clip.truth.joints, "stick"
    gender = text(read_npz(file)["gender"]) if "gender" in keys_of(file := split_address(path)[0]) else "neutral"
    if motion.betas_of == smpl.NAME and gender in ("female", "male"):
        motion = replace(motion, betas_of=f"{smpl.NAME}-{gender}")
    if clip.rest_joints is None:
        body, name = anny24.load(), anny24.NAME
        shape = motion.betas if motion.betas_of == name else torch.zeros_like(motion.betas)
        if motion.betas_of != name and bool((motion.betas != 0).any()):
            log.warning(
                "betas of '%s' do not fit the embedded body anny24, which keeps its mean shape", motion.betas_of
            )
        joints = posed(motion.pose, motion.trans, body.rest_joints(shape[None])[0])
    still = torch.eye(3).expand(clip.num_frames, 3, 3)
    none = torch.ones(clip.num_frames, 2)
    camera = CameraTrajectory(still, torch.zeros(clip.num_frames, 3), none, 0 * none)
    return _result(clip, motion, camera, joints, name, Status.FINISHED, {})


def _result(
    clip: Clip, motion: HumanMotion, camera: CameraTrajectory, joints: torch.Tensor, body: str, status: Status,
    run: dict[str, Any],
) -> Result:  # fmt: skip
    return Result(
        clip=clip, motion=motion, camera=camera, joints=joints, initial=motion, initial_camera=camera,
        initial_joints=joints, status=status, recipe=run.get("recipe", {}), log={},
        provenance=_provenance(run), body_model=body, metrics=run.get("metrics", {}),
    )  # fmt: skip


def _provenance(run: dict[str, Any]) -> dict[str, Any]:
    """The provenance of run.json with its evidence and assumptions, because not all parts are read back."""
    return {**run.get("provenance", {}), **{key: run[key] for key in ("evidence", "assumed") if run.get(key)}}


def grounds_beside(motion: Path) -> tuple[Ground, ...]:
    """What the result of a ``motion.npz`` rests on, as its files tell; empty if they do not."""
    return of_data(read_grounds(run_beside(motion.parent / "run.json").get("assumed")) or _grounds_in(read_npz(motion)))


def _grounds_in(arrays: Arrays) -> list[dict[str, Any]]:
    """The assumptions in a motion file without run.json."""
    try:
        return read_grounds(json.loads(text(arrays["assumed"]))) if "assumed" in arrays else []
    except ValueError:
        return []


def _as_found(camera: CameraTrajectory, facts: dict[str, Any], bridged: np.ndarray | None) -> CameraTrajectory:
    """The solved camera with unit, travel and filled frames of its source, from run.json or ``bridged``."""
    mask: torch.Tensor | None = None
    if bridged is not None and bridged.shape == (len(camera.t),):
        mask = torch.from_numpy(bridged.astype(bool))
    elif isinstance(filled := facts.get("filled"), list):
        mask = torch.zeros(len(camera.t), dtype=torch.bool)
        mask[[frame for frame in filled if isinstance(frame, int) and 0 <= frame < len(mask)]] = True
    unit, travel = str(facts.get("unit", "metre")), str(facts.get("travel", "unknown"))
    return replace(
        camera,
        unit=cast(Unit, unit if unit in get_args(Unit) else "metre"),
        travel=cast(Travel, travel if travel in get_args(Travel) else "unknown"),
        filled=mask,
        trusted=facts.get("trusted") is not False,
        held=facts.get("held") is True,
        facts=facts,
    )


def _check(file: Path, arrays: Arrays) -> None:
    if lacking := [key for key in ("joints", *_WORDS) if key not in arrays]:
        raise BadInput(file, lacking[0], "is missing: written by another version; run it again")
    frames = arrays["joints"].shape[0] if arrays["joints"].ndim else 0
    check_arrays(file, arrays, _SHAPES, frames)
    if frames == 0:
        raise BadInput(file, "joints", "holds no frames")
    if not 0 < float(arrays["fps"]) < float("inf"):
        raise BadInput(file, "fps", f"is {float(arrays['fps']):g}; expected a positive number")


def run_beside(file: Path, reads: str = "reads") -> dict[str, Any]:
    """Contents of the run file ``file``; empty if it does not exist or is another document. Raises BadInput for another
    version."""
    run = read_json(file) if file.exists() else None
    if not isinstance(run, dict) or "diffopt_run" not in run:
        return {}
    if (version := run["diffopt_run"]) != RUN_FORMAT:
        raise BadInput(file, "diffopt_run", f"is version {version!r}; this diffopt {reads} version {RUN_FORMAT}")
    return run
