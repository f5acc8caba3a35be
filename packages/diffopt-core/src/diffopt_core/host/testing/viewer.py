"""Contract of viewers: they accept every kind of result and do not change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from ...errors import DiffOptError
from ...interfaces import Snapshot, Viewer
from ...types import CameraTrajectory, Result, Status, map_tensors
from .component import ComponentContract
from .results import make_result


class ViewerContract(ComponentContract):
    """Set ``name``, and ``options`` that open no window during tests."""

    kind = "viewer"

    @contextmanager
    def opened(self) -> Iterator[Viewer]:
        viewer = self.build()
        try:
            yield viewer
        finally:
            viewer.close()

    def test_says_where_to_look(self) -> None:
        with self.opened() as viewer:
            assert isinstance(viewer.where, str) and viewer.where

    def test_shows_one_and_several_one_after_the_other(self) -> None:
        with self.opened() as viewer:
            viewer.show([make_result()])
            viewer.show([_named(make_result(frames), f"clip{frames}") for frames in (12, 5, 1)])
            viewer.show([make_result(seed=1), make_result(seed=1)])

    def test_leaves_the_result_as_it_was(self) -> None:
        result = make_result()
        kept = map_tensors(result, torch.Tensor.clone)
        with self.opened() as viewer:
            viewer.show([result])
            viewer.update(_snapshot(result, 1))
        for name in ("joints", "initial_joints"):
            assert torch.equal(getattr(result, name), getattr(kept, name)), name
        assert torch.equal(result.motion.pose, kept.motion.pose)
        assert torch.equal(result.camera.t, kept.camera.t)

    def test_shows_a_solve_and_what_came_of_it(self) -> None:
        result = make_result()
        with self.opened() as viewer:
            for step in range(3):
                viewer.update(_snapshot(_moved(result, 0.01 * step), step))
            viewer.update(_snapshot(_named(make_result(7), "next"), 0))  # another batch
            viewer.show([result])

    def test_any_frame_rate(self) -> None:
        result = make_result()
        with self.opened() as viewer:
            for fps in (0.5, 240.0):
                viewer.show([replace(result, clip=replace(result.clip, fps=fps))])

    def test_a_motion_without_camera_keypoints_and_truth(self) -> None:
        result = make_result()
        bare = replace(result.clip, size=(0, 0), observations=None, camera=None, truth=None)
        none = CameraTrajectory(result.camera.R, 0 * result.camera.t, 1 + 0 * result.camera.focal, result.camera.centre)
        with self.opened() as viewer:
            viewer.show([replace(result, clip=bare, camera=none, initial_camera=none)])

    def test_what_cannot_be_drawn_is_an_error_and_costs_nothing(self) -> None:
        result = make_result()
        broken = replace(result, joints=torch.full_like(result.joints, float("nan")))
        with self.opened() as viewer:
            viewer.show([result])
            try:
                viewer.show([broken])
            except DiffOptError:
                viewer.show([result])
                return
        raise AssertionError("joints that are not finite were accepted")

    def test_closes_twice_and_opens_again(self) -> None:
        with self.opened() as viewer:
            viewer.show([make_result()])
            viewer.close()
        with self.opened() as viewer:
            viewer.show([make_result()])


def _named(result: Result, name: str) -> Result:
    return replace(result, clip=replace(result.clip, name=name))


def _moved(result: Result, by: float) -> Result:
    motion = replace(result.motion, trans=result.motion.trans + by)
    return replace(result, motion=motion, joints=result.joints + by)


def _snapshot(result: Result, step: int) -> Snapshot:
    return Snapshot((replace(result, status=Status.RUNNING, log={}),), "warmup", step, 3, {"pose": 1.0 / (step + 1)})
