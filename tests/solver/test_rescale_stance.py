"""The scale from standing feet: a cleaned articulation and its keypoints give the camera's scale away."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.host.recipe import CameraSpec, ScaleSpec
from diffopt_core.parts.bodies.anny24 import load
from diffopt_core.parts.demo_motion import demo_case
from diffopt_core.solver.scale import rescale
from diffopt_core.solver.variables import CameraResidual
from diffopt_core.types import CameraTrajectory, HumanMotion, map_tensors
from scenes import held
from scenes import seen as perceived


@pytest.fixture
def made():
    """The demonstration's true motion, filmed by its true cameras whose path is wrong by a factor of each clip."""
    case, truth = demo_case(0)
    scales = torch.tensor([0.4, 1.0, 2.5])

    def several(array):
        return torch.tensor(array, dtype=torch.float32).expand(len(scales), *array.shape).clone()

    pose = torch.cat([several(truth["global_orient"]).unsqueeze(2), several(truth["body_pose"])], 2)
    motion = HumanMotion(axis_angle_to_matrix(pose), several(truth["transl"]), torch.zeros(len(scales), 10))
    camera = CameraTrajectory(
        several(truth["cam_R"]), several(truth["cam_t"]), several(case["cam_focal"]), several(case["cam_centre"])
    )
    body = load()
    batch = perceived(motion, camera, body)
    wrong = CameraResidual(map_tensors(camera, torch.clone), CameraSpec())
    moved = wrong.rescale(scales)
    initial = map_tensors(motion, torch.clone)
    initial.trans.add_(moved)
    placed = map_tensors(initial, torch.clone)
    problem = held(batch, body, wrong, initial, placed)
    shifted = problem.representation.shifted
    return SimpleNamespace(problem=problem, scales=scales, motion=motion, camera=camera, shifted=shifted)


def test_the_scale_is_found_and_applied(made):
    found = rescale(made.problem, ScaleSpec(mode="stance"))
    product = found * made.scales
    assert float(product.min()) > 0.7 and float(product.max()) < 1.4
    assert float(product.max() / product.min()) < 1.1  # the same clip, however its path was stretched
    assert len(made.shifted) == 1


def test_refitting_puts_the_first_path_where_the_keypoints_are(made):
    made.problem.ctx.initial.trans.add_(0.3)
    found = rescale(made.problem, ScaleSpec(mode="stance", refit=True))
    right = (found * made.scales - 1).abs() < 0.4
    assert bool(right.all())
    expected = made.problem.camera.camera().position + made.motion.trans - made.camera.position
    error = (made.problem.ctx.initial.trans - expected).norm(dim=-1)
    assert float(error.mean()) < 0.05


def test_without_refitting_the_first_path_moves_along_with_the_camera(made):
    before = made.problem.ctx.initial.trans.clone()
    rescale(made.problem, ScaleSpec(mode="stance"))
    torch.testing.assert_close(made.problem.ctx.initial.trans, before + made.shifted[0])
