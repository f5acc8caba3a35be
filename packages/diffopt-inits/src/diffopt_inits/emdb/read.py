"""Reading EMDB's files: evidence, SMPL parameters and truth."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.common.places import weights_folder
from diffopt_core.common.unpickle import read_pickle
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.parts.bodies.linear import BodyArrays, LinearBody
from diffopt_core.parts.bodies.smpl import ENVIRONMENT, NAME, NUM_VERTICES, find_model, read_model
from diffopt_core.types import CameraTrajectory, HumanMotion, Truth, as_float

#: SMPL's vertex at the tip of the nose, because LinearBody needs one point besides its joints.
_NOSE = 332


def smpl_folder(named: Path | None) -> Path:
    """Folder of SMPL's files: ``named``, else that of DIFFOPT_SMPL, else the weights folder.

    If a file is given, its folder is used, because the file may be of another gender.
    """
    given = named or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else weights_folder())
    given = given.expanduser()
    return given.parent if given.is_file() else given


def gendered_body(folder: Path, gender: str, sequence: str) -> LinearBody:
    """SMPL of a gender (CPU, float32) from ``folder``.

    Its name is ``smpl`` for neutral, else ``smpl-<gender>``: shapes of one do not fit the other. Raises MissingResource
    (where to get it and where to put it), or BadInput for a file that is not SMPL's.
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
    """``changed``: modification time, for the cache."""
    nose = torch.zeros(NUM_VERTICES)
    nose[_NOSE] = 1.0
    arrays = BodyArrays.of(read_model(file), torch.device("cpu"))
    return LinearBody(NAME if gender == "neutral" else f"{NAME}-{gender}", arrays, {"nose": nose})


GENDERS = ("female", "male", "neutral")


@dataclass(frozen=True)
class Sequence:
    """One file (float64; N frames). ``boxes``: nan in frames without one. See the module for keys."""

    path: Path
    name: str
    gender: str
    flags: dict[str, bool]  # emdb1, emdb2
    good: np.ndarray  # N bool
    intrinsics: np.ndarray  # 3 3
    extrinsics: np.ndarray  # N 4 4
    size: tuple[int, int]
    pose: np.ndarray  # N 24 3
    trans: np.ndarray  # N 3
    betas: np.ndarray  # 10
    kp2d: np.ndarray  # N 24 2
    boxes: np.ndarray  # N 4

    def __len__(self) -> int:
        return len(self.good)


def read_sequence(path: Path) -> Sequence:
    """Read without executing the pickle, and check everything. Raises BadInput naming file and key."""
    data = _Keys(path, read_pickle(path))
    frames = data.integer("n_frames")
    good = data.array("good_frames_mask", (frames,), "bui", "n_frames") > 0
    if not good.any():
        raise BadInput(path, "good_frames_mask", "no frame is good, so there is nothing to score")
    gender = data.text("gender")
    if gender not in GENDERS:
        raise BadInput(path, "gender", f"is '{gender}'; expected one of {', '.join(GENDERS)}")
    root = data.array("smpl.poses_root", (frames, 3))
    body = data.array("smpl.poses_body", (frames, 69))
    made = Sequence(
        path=path,
        name=data.text("name"),
        gender=gender,
        flags={key: data.flag(key) for key in ("emdb1", "emdb2")},
        good=good,
        intrinsics=data.array("camera.intrinsics", (3, 3)),
        extrinsics=data.array("camera.extrinsics", (frames, 4, 4)),
        size=(data.integer("camera.width"), data.integer("camera.height")),
        pose=np.concatenate([root, body], 1).reshape(frames, 24, 3),
        trans=data.array("smpl.trans", (frames, 3)),
        betas=data.array("smpl.betas", (10,)),
        kp2d=data.array("kp2d", (frames, 24, 2), rows=good),
        boxes=_boxes(data, frames, good),
    )
    _check_name(made)
    _check_camera(made)
    return made


class _Keys:
    """Values of nested mappings by dotted keys."""

    def __init__(self, path: Path, data: Any):
        self.path, self._data = path, data

    def raw(self, key: str) -> Any:
        value = self._data
        for depth, part in enumerate(key.split(".")):
            if not isinstance(value, dict):
                what = ".".join(key.split(".")[:depth]) or "pickle"
                raise BadInput(self.path, what, f"holds {type(value).__name__}; expected a mapping, as in EMDB's files")
            if part not in value:
                known = ", ".join(sorted(map(str, value))) or "nothing"
                raise BadInput(self.path, key, f"is missing; the file has: {known}. Is it a file of EMDB's release?")
            value = value[part]
        return value

    def array(
        self, key: str, shape: tuple[int, ...], kinds: str = "fiu", like: str = "", rows: np.ndarray | None = None
    ) -> np.ndarray:
        """Finite numbers of a shape, as float64; ``rows``: only these must be finite."""
        array = np.asarray(self.raw(key))
        if array.dtype.kind not in kinds:
            raise BadInput(self.path, key, f"holds {array.dtype}; expected numbers")
        if array.shape != shape:
            source = f" ({like} is {shape[0]})" if like else ""
            raise BadInput(self.path, key, f"shape {array.shape}, expected {shape}{source}")
        array = array.astype(np.float64)
        bad = ~np.isfinite(array).reshape(len(array), -1).all(1)
        if rows is not None:
            bad &= rows
        if bad.any():
            raise BadInput(self.path, key, f"is not finite in {int(bad.sum())} rows, the first is {bad.argmax()}")
        return array

    def integer(self, key: str) -> int:
        value = np.asarray(self.raw(key))
        if value.size != 1 or value.dtype.kind not in "iuf" or not float(value.item()).is_integer() or value <= 0:
            raise BadInput(self.path, key, f"is {self.raw(key)!r:.60}, expected a positive whole number")
        return int(value.item())

    def flag(self, key: str) -> bool:
        value = np.asarray(self.raw(key))
        if value.size != 1 or value.dtype.kind not in "bui":
            raise BadInput(self.path, key, f"is {self.raw(key)!r:.60}, expected true or false")
        return bool(value.item())

    def text(self, key: str) -> str:
        value = self.raw(key)
        if not isinstance(value, str):
            raise BadInput(self.path, key, f"holds {type(value).__name__}; expected text")
        return str(value)


def _boxes(data: _Keys, frames: int, good: np.ndarray) -> np.ndarray:
    """Boxes, with nan if marked invalid, if empty, and in frames that are not good."""
    key = "bboxes.invalid_idxs"
    indices = np.asarray(data.raw(key))
    if indices.size and (indices.dtype.kind not in "iu" or indices.min() < 0 or indices.max() >= frames):
        raise BadInput(data.path, key, f"holds invalid frame numbers; expected numbers below {frames}")
    valid = good.copy()
    valid[indices.reshape(-1).astype(int)] = False
    boxes = data.array("bboxes.bboxes", (frames, 4), rows=valid)
    with np.errstate(invalid="ignore"):
        valid &= (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return np.where(valid[:, None], boxes, np.nan)


def _check_name(made: Sequence) -> None:
    # the name is used as a folder name
    if not made.name or not made.name.replace("_", "").replace("-", "").isalnum():
        raise BadInput(made.path, "name", f"is '{made.name}'; expected a name such as P8_62_outdoor_walk")


def _check_camera(made: Sequence) -> None:
    K, E = made.intrinsics, made.extrinsics
    focal = K[0, 0], K[1, 1]
    if (
        min(focal) <= 0
        or abs(K[0, 1]) > 1e-3 * focal[0]
        or np.abs(K[[1, 2, 2, 2], [0, 0, 1, 2]] - [0, 0, 0, 1]).max() > 1e-6
    ):
        raise BadInput(made.path, "camera.intrinsics", "is not a pinhole camera; expected fx 0 cx / 0 fy cy / 0 0 1")
    R = E[:, :3, :3]
    off = np.abs(R @ R.transpose(0, 2, 1) - np.eye(3)).max()
    if off > 1e-3 or (np.linalg.det(R) < 0).any() or np.abs(E[:, 3] - [0, 0, 0, 1]).max() > 1e-6:
        raise BadInput(made.path, "camera.extrinsics", f"are not rigid transforms (R R^T is off by {off:.2g})")


log = logging.getLogger(__name__)
#: The file's ``kp2d`` are its projected joints. A distance above this share of the longer side means another camera
#: direction or convention; above this many px, another body.
_TOO_FAR = 0.02
_NOTICEABLE = 5.0


def truth_of(made: Sequence, smpl: Path) -> Truth:
    """Truth of the whole sequence (float32): SMPL's ``trans`` is converted to the pelvis, nothing else is changed.

    Raises MissingResource without the SMPL file of this gender; BadInput if truth, camera and ``kp2d`` disagree.
    """
    body = gendered_body(smpl, made.gender, made.name)
    betas = torch.from_numpy(made.betas)[None]
    pelvis = torch.from_numpy(made.trans) + body.rest_pelvis(betas)
    pose = axis_angle_to_matrix(torch.from_numpy(made.pose))
    motion = HumanMotion(pose[None], pelvis[None], betas, body.name)
    joints = body.joints(motion)[0]
    focal, centre = made.intrinsics[[0, 1], [0, 1]], made.intrinsics[:2, 2]
    frames = len(made)
    camera = CameraTrajectory(
        as_float(made.extrinsics[:, :3, :3]),
        as_float(made.extrinsics[:, :3, 3]),
        as_float(focal).expand(frames, 2),
        as_float(centre).expand(frames, 2),
        unit="metre",
        level=True,
        facts={"focal_from": "EMDB's calibration"},
    )
    truth = Truth(
        joints.float(),
        motion=HumanMotion(pose.float(), pelvis.float(), betas[0].float(), body.name),
        camera=camera,
        good=torch.from_numpy(made.good.copy()),
        boxes=as_float(made.boxes),
        body=body,
    )
    _check_projection(truth, made)
    return truth


def reprojection(truth: Truth, made: Sequence) -> float:
    """Median distance in px of ``kp2d`` to the projected true joints, good frames."""
    camera = truth.camera
    assert camera is not None
    seen = project(world_to_camera(truth.joints, camera.R, camera.t), camera.focal, camera.centre)
    return float((seen - as_float(made.kp2d)).norm(dim=-1)[torch.from_numpy(made.good)].median())


def _check_projection(truth: Truth, made: Sequence) -> None:
    distance = reprojection(truth, made)
    if not distance <= _TOO_FAR * max(made.size):
        raise BadInput(
            made.path, "kp2d",
            f"lies {distance:.0f} px (median) from the projected true joints; expected world-to-camera "
            f"extrinsics and SMPL's {made.gender} parameters, as in EMDB's release",
        )  # fmt: skip
    if distance > _NOTICEABLE:
        log.warning("%s: kp2d lies %.1f px from the projected true joints; is this SMPL's %s model?",
                    made.name, distance, made.gender)  # fmt: skip
