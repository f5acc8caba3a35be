"""Dataset ``amass``: motion files as clips that hold only a motion, for the simulator and for scoring.

Three kinds of `.npz` are distinguished by their keys:

- AMASS (and SMPL-X releases in its layout): ``poses`` (N, 72 | 156 | 165), ``trans``, ``betas``, a frame rate; Z up.
  With more than 72 columns, joints 22 and 23 of SMPL have no counterpart and get the identity.
- motion shards: ``poses`` (N, 24, 3), ``trans`` (pelvis), ``starts``, ``names``; Y up. Many clips in a file.
- ``motion.npz`` of a result folder, or a truth file: ``global_orient``, ``body_pose``, ``transl`` (pelvis); Y up.

SMPL's ``trans`` is not the pelvis: ``pelvis = trans + rest pelvis``, where the rest pelvis depends on the body shape
and the licensed model file. The option ``rest_pelvis`` approximates it (for an average adult). A wrong value shifts the
whole clip by a constant and changes neither the motion nor any aligned metric.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...common.npz import Arrays, keys_of, read_npz
from ...data.geometry import forward_kinematics
from ...data.rotation import axis_angle_to_matrix, slerp
from ...data.skeleton import NUM_JOINTS, PARENTS
from ...errors import BadInput, UnknownName
from ...interfaces import BuildContext
from ...types import Clip, HumanMotion, Truth, map_tensors
from .case_keys import text
from .configs import AmassConfig

_POSES, _SHARD, _RESULT = {"poses", "trans"}, {"poses", "trans", "starts"}, {"global_orient", "body_pose", "transl"}
_RATES = ("mocap_framerate", "mocap_frame_rate", "fps")
#: From a Z-up to a Y-up world: a quarter turn about x.
_Z_TO_Y = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


class MotionDataset:
    """Implements :class:`diffopt_core.interfaces.Dataset`."""

    def __init__(self, config: AmassConfig, ctx: BuildContext | None = None):
        self._config = config

    def accepts(self, path: Path) -> bool:
        keys = keys_of(split_address(path)[0])
        return keys >= _POSES or keys >= _RESULT

    def load(self, path: Path) -> Clip:
        return load_motion(path, self._config)


def split_address(path: Path) -> tuple[Path, str]:
    """Split ``shard.npz#clip`` into file and clip (empty if the address names none)."""
    found = re.fullmatch(r"(.*\.npz)#(.*)", str(path), re.IGNORECASE | re.DOTALL)
    return (Path(found[1]), found[2]) if found else (path, "")


def load_motion(path: Path, config: AmassConfig) -> Clip:
    """Read a motion (one clip of a shard). ``size`` is (0, 0), and there is no evidence.

    Raises BadInput naming file and key, or UnknownName for a clip that the shard does not hold.
    """
    file, clip = split_address(path)
    return _motion(file, read_npz(file), config.clip or clip, config)


def load_motions(path: Path, config: AmassConfig) -> Iterator[tuple[str, Clip]]:
    """Every motion in a file, by its address (:func:`clip_names`); the file is read once. Raises BadInput."""
    arrays = read_npz(path)
    for address in _addresses(path, arrays):
        yield address, _motion(path, arrays, split_address(Path(address))[1], config)


def _motion(file: Path, arrays: Arrays, clip: str, config: AmassConfig) -> Clip:
    if arrays.keys() >= _SHARD:
        made = _from_shard(file, arrays, clip, config)
    elif arrays.keys() >= _POSES:
        made = _from_amass(file, arrays, config)
    elif arrays.keys() >= _RESULT:
        made = _from_result(file, arrays, config)
    else:
        expected = " or ".join(" + ".join(sorted(keys)) for keys in (_POSES, _RESULT))
        raise BadInput(file, "keys", f"are {', '.join(sorted(arrays)) or 'none'}; expected {expected}")
    return made if config.fps is None or config.fps == made.fps else resample(made, config.fps)


def clip_names(path: Path) -> dict[str, int]:
    """Address -> number of frames of every motion in a file, at the file's own rate."""
    return _addresses(path, read_npz(path))


def _addresses(path: Path, arrays: Arrays) -> dict[str, int]:
    if arrays.keys() >= _SHARD:
        lengths = np.diff(arrays["starts"])
        return {f"{path}#{name}": int(n) for name, n in zip(arrays["names"], lengths, strict=True)}
    key = "poses" if "poses" in arrays else "global_orient"
    return {str(path): len(arrays[key])} if key in arrays else {}


def window(clip: Clip, start: int, frames: int | None) -> Clip:
    """Frames ``start`` to ``start + frames`` of a motion clip; raises BadInput if it is shorter."""
    stop = clip.num_frames if frames is None else start + frames
    if stop > clip.num_frames or start >= stop:
        raise BadInput(
            clip.path or clip.name, "frames", f"has {clip.num_frames} frames; frames {start} to {stop} were requested"
        )
    assert clip.truth is not None and clip.truth.motion is not None
    motion = clip.truth.motion
    some = slice(start, stop)
    cut = HumanMotion(motion.pose[some], motion.trans[some], motion.betas, motion.betas_of)
    return replace(clip, num_frames=stop - start, truth=replace(clip.truth, joints=clip.truth.joints[some], motion=cut))


def resample(clip: Clip, fps: float) -> Clip:
    """Resample the motion: slerp for rotations, linear interpolation for translations."""
    assert clip.truth is not None and clip.truth.motion is not None
    motion = clip.truth.motion
    count = int(np.floor((clip.num_frames - 1) * fps / clip.fps + 1e-6)) + 1
    at = torch.arange(count, dtype=torch.float64) * (clip.fps / fps)
    before = at.floor().long().clamp_max(clip.num_frames - 1)
    after = (before + 1).clamp_max(clip.num_frames - 1)
    share = (at - before).to(motion.trans.dtype)
    pose = slerp(motion.pose[before], motion.pose[after], share[:, None].expand(-1, NUM_JOINTS))

    def line(values: Tensor) -> Tensor:
        return torch.lerp(values[before], values[after], share.reshape(-1, *[1] * (values.dim() - 1)))

    moved = HumanMotion(pose, line(motion.trans), motion.betas, motion.betas_of)
    truth = replace(clip.truth, joints=line(clip.truth.joints), motion=moved)
    return replace(clip, fps=fps, num_frames=count, truth=truth)


def _from_shard(path: Path, arrays: Arrays, wanted: str, config: AmassConfig) -> Clip:
    names = [str(name) for name in arrays.get("names", np.arange(len(arrays["starts"]) - 1))]
    if not wanted and len(names) == 1:
        wanted = names[0]
    if not wanted:
        raise BadInput(path, "clip", f"holds {len(names)} clips; name one as {path.name}#{names[0]}")
    if wanted in names:
        index = names.index(wanted)
    elif wanted.isdecimal() and int(wanted) < len(names):
        index = int(wanted)
    else:
        raise UnknownName(f"clip of {path.name}", wanted, names)
    some = slice(int(arrays["starts"][index]), int(arrays["starts"][index + 1]))
    pose, trans = _finite(path, arrays, "poses")[some], _finite(path, arrays, "trans")[some]
    if pose.shape[1:] != (NUM_JOINTS, 3):
        raise BadInput(path, "poses", f"has shape {arrays['poses'].shape}; expected (N, 24, 3)")
    rest = _skeleton(path, config)
    return _clip(path, f"{path.stem}_{names[index]}", pose, trans, None, "smpl", _rate(path, arrays, config), rest,
                 config.up == "z")  # fmt: skip


def _from_amass(path: Path, arrays: Arrays, config: AmassConfig) -> Clip:
    poses, trans = _finite(path, arrays, "poses"), _finite(path, arrays, "trans")
    if poses.ndim == 3 and poses.shape[1:] == (NUM_JOINTS, 3):  # a single clip in the format of shards
        return _clip(path, path.stem, poses, trans, None, "smpl", _rate(path, arrays, config), _skeleton(path, config),
                     config.up == "z")  # fmt: skip
    if poses.ndim != 2 or poses.shape[1] not in (72, 156, 165):
        raise BadInput(path, "poses", f"has shape {poses.shape}; expected (N, 72), (N, 156), (N, 165) or (N, 24, 3)")
    # SMPL-H and SMPL-X share SMPL's first 22 joints; jaw, eyes and fingers follow.
    shared = 72 if poses.shape[1] == 72 else 66
    pose = np.zeros((len(poses), NUM_JOINTS * 3), np.float32)
    pose[:, :shared] = poses[:, :shared]
    betas = _finite(path, arrays, "betas").reshape(-1)[:10] if "betas" in arrays else np.zeros(10)
    betas = np.concatenate([betas, np.zeros(10 - len(betas))])
    model = "smplx" if poses.shape[1] == 165 else "smpl"
    pelvis = trans + np.array(config.rest_pelvis)
    rate = _rate(path, arrays, config)
    return _clip(path, path.stem, pose.reshape(-1, NUM_JOINTS, 3), pelvis, betas, model, rate, None, config.up != "y")


def _from_result(path: Path, arrays: Arrays, config: AmassConfig) -> Clip:
    orient, body = _finite(path, arrays, "global_orient"), _finite(path, arrays, "body_pose")
    if orient.shape[1:] != (3,) or body.shape[1:] != (23, 3) or len(orient) != len(body):
        raise BadInput(path, "body_pose", f"has shape {body.shape}; expected (T, 23, 3) beside global_orient (T, 3)")
    betas = _finite(path, arrays, "betas").reshape(-1)[:10] if "betas" in arrays else None
    model = text(arrays["body_model"]) if "body_model" in arrays else "smpl"
    rest = torch.from_numpy(_finite(path, arrays, "rest_joints")) if "rest_joints" in arrays else None
    pose = np.concatenate([orient[:, None], body], 1)
    return _clip(path, path.stem, pose, _finite(path, arrays, "transl"), betas, model, _rate(path, arrays, config),
                 rest, config.up == "z")  # fmt: skip


def _clip(
    path: Path, name: str, pose: np.ndarray, pelvis: np.ndarray, betas: np.ndarray | None, model: str, fps: float,
    rest: Tensor | None, z_up: bool,
) -> Clip:  # fmt: skip
    """``pose`` (T, 24, 3) axis-angle, ``pelvis`` (T, 3) m. Without a rest skeleton the truth's joints are NaN."""
    if pelvis.shape != (len(pose), 3):
        raise BadInput(path, "trans", f"has shape {pelvis.shape}; expected ({len(pose)}, 3)")
    matrices = axis_angle_to_matrix(torch.from_numpy(np.asarray(pose, np.float32)))
    trans = torch.from_numpy(np.asarray(pelvis, np.float32))
    if z_up:
        matrices = matrices.clone()
        matrices[:, 0] = _Z_TO_Y @ matrices[:, 0]
        trans = trans @ _Z_TO_Y.mT
    shape = torch.from_numpy(np.zeros(10) if betas is None else betas).float()
    motion = map_tensors(HumanMotion(matrices, trans, shape, model), Tensor.contiguous)
    joints = torch.full((len(pose), NUM_JOINTS, 3), float("nan"))
    if rest is not None:
        joints = forward_kinematics(motion.pose, rest, PARENTS)[1] + motion.trans[:, None]
    truth = Truth(joints, motion=motion)
    return Clip(name, path, fps, (0, 0), len(pose), rest_joints=rest, truth=truth)


def _finite(path: Path, arrays: Arrays, key: str) -> np.ndarray:
    value = arrays[key]
    if value.dtype.kind not in "iuf":
        raise BadInput(path, key, f"holds {value.dtype}; expected numbers")
    if not np.isfinite(value).all():
        raise BadInput(path, key, "is not finite")
    return value.astype(np.float32)


def _rate(path: Path, arrays: Arrays, config: AmassConfig) -> float:
    key = next((key for key in _RATES if key in arrays), None)
    if key is None:
        if config.source_fps is not None:
            return config.source_fps
        raise BadInput(path, _RATES[0], f"is missing (also looked for {', '.join(_RATES[1:])}): write the "
                       "frame rate into the file, or give it: simulate --fps, ablate --source-fps, else --set "
                       "dataset.source_fps")  # fmt: skip
    value = _finite(path, arrays, key)
    if value.size != 1 or value <= 0:
        raise BadInput(path, key, "expected one positive number")
    return float(value.reshape(-1)[0])


def _skeleton(path: Path, config: AmassConfig) -> Tensor | None:
    """(24, 3) rest joints relative to the pelvis, m, from ``skeleton.json`` beside the file or in the folder above."""
    places = (path.parent / "skeleton.json", path.parent.parent / "skeleton.json")
    file = config.skeleton or next((place for place in places if place.exists()), None)
    if file is None:
        return None
    try:
        offsets = np.array(json.loads(file.read_text())["offsets"], np.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(file, "offsets", f"cannot be read ({type(error).__name__}: {error})") from None
    if offsets.shape != (NUM_JOINTS, 3) or not np.isfinite(offsets).all():
        raise BadInput(file, "offsets", f"has shape {offsets.shape}; expected (24, 3), finite")
    rest = offsets.copy()
    rest[0] = 0.0
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            rest[joint] += rest[parent]
    return torch.from_numpy(rest)
