"""Contracts of datasets, exporters and metrics, and synthetic clips and results for them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ...data.skeleton import JOINTS, LAYOUTS
from ...errors import BadInput, DiffOptError
from ...interfaces import Scored
from ...types import CameraFrameBody, Clip, Result, Status, Truth, map_tensors
from .component import ComponentContract
from .problem import StickBody, make_problem

_T = TypeVar("_T")


def _first(value: _T) -> _T:
    """Clip 0 of a dataclass with leading ``B``."""
    return map_tensors(value, lambda tensor: tensor[0])


def make_clip(frames: int = 12, layout: str = "coco17", seed: int = 0) -> Clip:
    """A clip with keypoints, camera, camera-frame body and truth, 1280 x 720 at 30 fps; no image file."""
    ctx = make_problem(1, frames, seed=seed, layout=layout)
    motion, camera = _first(ctx.initial), _first(ctx.camera)
    body = CameraFrameBody(
        global_orient=camera.R @ motion.pose[:, 0],
        body_pose=motion.pose[:, 1:],
        transl=(camera.R @ motion.trans.unsqueeze(-1)).squeeze(-1) + camera.t,
        betas=motion.betas,
        poses_from="regressor",
    )
    assert ctx.rest_joints is not None
    return Clip(
        name="sticks",
        path=None,
        fps=ctx.fps,
        size=(1280, 720),
        num_frames=frames,
        observations=_first(ctx.observations),
        body=body,
        camera=camera,
        rest_joints=ctx.rest_joints[0],
        truth=Truth(joints=StickBody().joints(ctx.initial)[0], motion=motion, camera=camera),
    )


def make_result(frames: int = 12, seed: int = 0) -> Result:
    """A finished result on :func:`make_clip`, 5 cm away from its truth."""
    ctx = make_problem(1, frames, seed=seed, layout="coco17")

    def moved(tensor: Tensor) -> Tensor:
        return tensor + 0.05

    motion, camera = _first(ctx.initial), _first(ctx.camera)
    joints = StickBody().joints(ctx.initial)[0]
    return Result(
        clip=make_clip(frames, seed=seed),
        motion=type(motion)(motion.pose, moved(motion.trans), motion.betas, motion.betas_of),
        camera=camera,
        joints=moved(joints),
        initial=motion,
        initial_camera=camera,
        initial_joints=joints,
        status=Status.FINISHED,
        recipe={"summary": "synthetic"},
        log={"warmup": {"pose": [1.0, 0.5]}},
        provenance={"seed": seed, "device": "cpu", "seconds": {"warmup": 0.1}},
        body_model="stick",
        metrics={"mpjpe": {"initial": 0.0, "final": 86.6}},
    )


class DatasetContract(ComponentContract):
    """Set ``name`` and implement ``sample``: write a file or folder of the format into ``folder`` and return its
    path."""

    kind = "dataset"

    def sample(self, folder: Path) -> Path:
        raise NotImplementedError("implement `sample(self, folder) -> Path`")

    def test_accepts_its_own_and_nothing_else(self, tmp_path: Path) -> None:
        dataset = self.build()
        assert dataset.accepts(self.sample(tmp_path)), "its own sample is not accepted"
        other = tmp_path / "stranger.unknown"
        other.write_bytes(b"not a clip at all")
        assert not dataset.accepts(other), "a file of another format is accepted"
        assert not dataset.accepts(tmp_path / "absent.file"), "a file that does not exist is accepted"

    def test_clip_is_consistent(self, tmp_path: Path) -> None:
        clip = self.build().load(self.sample(tmp_path))
        assert isinstance(clip, Clip) and clip.num_frames > 0 and clip.fps > 0
        width, height = clip.size
        assert width > 0 and height > 0, f"size {clip.size}"
        if clip.observations is not None:
            points = len(LAYOUTS[clip.observations.layout])
            assert clip.observations.keypoints.shape == (clip.num_frames, points, 3), "keypoints: expected T J 3"
            assert clip.observations.valid.shape == (clip.num_frames,), "valid: expected T"
        if clip.camera is not None:
            _rotations(clip.camera.R, (clip.num_frames, 3, 3), "camera.R")
            assert clip.camera.t.shape == (clip.num_frames, 3) and (clip.camera.focal > 0).all()
        if clip.body is not None:
            _rotations(clip.body.global_orient, (clip.num_frames, 3, 3), "body.global_orient")
            _rotations(clip.body.body_pose, (clip.num_frames, 23, 3, 3), "body.body_pose")
            assert (clip.body.transl[:, 2] > 0).float().mean() > 0.5, "most frames are behind the camera"

    def test_broken_file_is_told_by_name(self, tmp_path: Path) -> None:
        path = self.sample(tmp_path)
        if path.is_dir():
            return
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        try:
            self.build().load(path)
        except DiffOptError as error:
            assert path.name in str(error), f"the error does not name the file: {error}"
            assert isinstance(error, BadInput), f"expected BadInput, got {type(error).__name__}"
        else:
            raise AssertionError("a truncated file was loaded without an error")


class ExporterContract(ComponentContract):
    """Set ``name``."""

    kind = "exporter"

    def test_writes_the_files_it_names_and_no_others(self, tmp_path: Path) -> None:
        files = self.build().export(make_result(), tmp_path)
        assert files, "no file was written"
        for file in files:
            assert file.is_file() and file.stat().st_size > 0, f"{file.name} is absent or empty"
            assert file.resolve().is_relative_to(tmp_path.resolve()), f"{file} is outside the folder"
        left = {path for path in tmp_path.rglob("*") if path.is_file()} - set(files)
        assert not left, f"left behind: {sorted(path.name for path in left)}"

    def test_writes_the_same_twice(self, tmp_path: Path) -> None:
        def digest() -> dict[str, str]:
            files = self.build().export(make_result(), tmp_path)
            return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

        assert digest() == digest(), "the same result gives other bytes the second time"


class MetricContract(ComponentContract):
    """Set ``name``."""

    kind = "metric"

    def test_value_is_finite_and_has_a_unit(self) -> None:
        metric = self.build()
        assert metric.unit, "a metric names its unit"
        clip = make_clip(40)
        assert clip.truth is not None
        true = clip.truth.joints
        pred = true + 0.03 * torch.sin(torch.arange(true.numel(), dtype=true.dtype)).view_as(true)
        value = torch.as_tensor(metric(Scored(pred, true, clip.fps, JOINTS)))
        assert value.numel() > 0 and value.isfinite().all(), f"not finite: {value}"


def _rotations(matrix: torch.Tensor, shape: tuple[int, ...], what: str) -> None:
    assert matrix.shape == shape, f"{what}: shape {tuple(matrix.shape)}, expected {shape}"
    product = matrix @ matrix.mT
    torch.testing.assert_close(product, torch.eye(3, dtype=matrix.dtype).expand_as(product), rtol=0.0, atol=1e-3)
