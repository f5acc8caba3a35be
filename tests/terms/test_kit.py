"""The contract kit itself: it passes what is right and catches what is wrong."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from diffopt_core.config import ComponentConfig, TermConfig
from diffopt_core.data.skeleton import LAYOUTS
from diffopt_core.errors import DiffOptError
from diffopt_core.host.registry import Plugin, Registry
from diffopt_core.host.testing import (
    BodyContract,
    CameraContract,
    HostSync,
    InitializerContract,
    MetricContract,
    PriorContract,
    StickBody,
    TermContract,
    clip_alone,
    disturbed,
    forbid_host_sync,
    make_clip,
    make_problem,
    make_result,
    make_scene,
)
from diffopt_core.plugin import Component, hookimpl
from pydantic import ConfigDict


class Still(TermConfig):
    """Penalises all motion: the smallest prior there is."""

    def build(self, ctx: Any) -> Any:
        return lambda scene: scene.motion.trans.diff(dim=1).square().mean((1, 2))


class Noisy(TermConfig):
    """Draws from the clip's own stream, as a prior must."""

    def build(self, ctx: Any) -> Any:
        return lambda scene: (scene.motion.trans + ctx.noise.normal((12, 3))).square().mean((1, 2))


class Neighbours(TermConfig):
    """Wrong: what a clip is worth depends on its neighbours."""

    def build(self, ctx: Any) -> Any:
        return lambda scene: scene.motion.trans.square().mean((1, 2)) / scene.motion.trans.square().mean()


class OneNumber(TermConfig):
    """Wrong: one number for the whole batch."""

    def build(self, ctx: Any) -> Any:
        return lambda scene: scene.motion.trans.square().mean()


class Rooted(TermConfig):
    """Wrong: no derivative at the initial motion."""

    def build(self, ctx: Any) -> Any:
        return lambda scene: (scene.motion.trans - ctx.initial.trans).square().sum((1, 2)).sqrt()


class Waiting(TermConfig):
    """Wrong: reads a value on the host."""

    def build(self, ctx: Any) -> Any:
        def energy(scene: Any) -> Any:
            speed = scene.motion.trans.square().mean((1, 2))
            return speed if speed.max().item() > 0 else 2 * speed

        return energy


class Masking(TermConfig):
    """Wrong: an index by a mask, whose size the host must know."""

    def build(self, ctx: Any) -> Any:
        valid = torch.ones_like(ctx.observations.valid)
        return lambda scene: scene.motion.trans[valid].view_as(scene.motion.trans).square().mean((1, 2))


class Greedy(TermConfig):
    """Wrong: needs what it never reads."""

    needs: ClassVar[frozenset[str]] = frozenset({"joints"})

    def build(self, ctx: Any) -> Any:
        return lambda scene: scene.motion.trans.square().mean((1, 2))


class Detached(TermConfig):
    """Wrong: no gradient."""

    def build(self, ctx: Any) -> Any:
        return lambda scene: scene.motion.trans.detach().square().mean((1, 2))


class Unseeded(TermConfig):
    """Wrong: random numbers from nowhere."""

    def build(self, ctx: Any) -> Any:
        return lambda scene: (scene.motion.trans + torch.randn(3)).square().mean((1, 2))


class Loose(TermConfig):
    """Wrong: takes any key."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    def build(self, ctx: Any) -> Any:
        return lambda scene: scene.motion.trans.square().mean((1, 2))


class Stick(ComponentConfig):
    def build(self, ctx: Any) -> Any:
        return StickBody()


class GivenCamera(ComponentConfig):
    def build(self, ctx: Any) -> Any:
        class Given:
            def trajectory(self, clip: Any, observations: Any) -> Any:
                return clip.camera

        return Given()


class GivenBody(ComponentConfig):
    def build(self, ctx: Any) -> Any:
        class Given:
            def initialize(self, clip: Any, observations: Any, camera: Any) -> Any:
                return clip.body

        return Given()


class MeanError(ComponentConfig):
    def build(self, ctx: Any) -> Any:
        class Metric:
            unit = "mm"

            def __call__(self, scored: Any) -> Any:
                return 1000 * (scored.pred - scored.true).norm(dim=-1).mean(-1)

        return Metric()


_ROWS = [("term", config) for config in (Neighbours, OneNumber, Rooted, Waiting, Masking, Greedy, Detached, Unseeded)]
_ROWS += [("term", Loose), ("prior", Still), ("prior", Noisy), ("body", Stick), ("camera", GivenCamera)]
_ROWS += [("initializer", GivenBody), ("metric", MeanError)]


class _Stranger:
    @hookimpl
    def diffopt_components(self) -> list[Component]:
        return [
            Component(kind, config.__name__, f"{__name__}:{config.__name__}", "of a test") for kind, config in _ROWS
        ]


def _registry() -> Registry:
    registry = Registry()
    registry.add(_Stranger(), Plugin("stranger", "stranger", "0"))
    return registry


class _Here:
    def registry(self) -> Registry:
        return _registry()


class TestStill(_Here, PriorContract):
    name = "Still"


class TestNoisy(_Here, PriorContract):
    name = "Noisy"


class TestStick(_Here, BodyContract):
    name = "Stick"
    layouts = tuple(LAYOUTS)


class TestGivenCamera(_Here, CameraContract):
    name = "GivenCamera"


class TestGivenBody(_Here, InitializerContract):
    name = "GivenBody"


class TestMeanError(_Here, MetricContract):
    name = "MeanError"


@pytest.mark.parametrize(
    ("config", "test"),
    [
        (Neighbours, "test_clip_in_a_batch_equals_clip_alone"),
        (OneNumber, "test_value_is_one_finite_number_a_clip"),
        (Rooted, "test_gradient_is_finite_at_the_start"),
        (Waiting, "test_host_does_not_wait"),
        (Masking, "test_host_does_not_wait"),
        (Greedy, "test_needs_are_honest"),
        (Detached, "test_gradient_is_finite_and_arrives"),
        (Unseeded, "test_building_twice_gives_the_same_energy"),
        (Loose, "test_config_refuses_unknown_options"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_contract_catches(config: type, test: str) -> None:
    class Contract(_Here, TermContract):
        name = config.__name__

    Contract.__test__ = False
    with pytest.raises(AssertionError):
        getattr(Contract(), test)()


def test_unknown_option_names_the_nearest() -> None:
    with pytest.raises(DiffOptError, match="sigma"):
        Registry.load().config("term", "reprojection", {"sgima": 1.0})


@pytest.mark.parametrize("read", ["item", "tolist", "numpy", "cpu", "nonzero", "__bool__", "__float__"])
def test_waits_are_found_and_the_methods_come_back(read: str) -> None:
    tensor = torch.ones(())
    with pytest.raises(HostSync), forbid_host_sync():
        getattr(tensor, read)()
    assert tensor.item() == 1.0 and bool(tensor) and tensor.tolist() == 1.0


def test_clips_do_not_depend_on_their_neighbours() -> None:
    many, one = make_problem(3, 10, seed=4), make_problem(1, 10, seed=6)
    alone = clip_alone(many, 2)
    for part in ("pose", "trans", "betas"):
        assert torch.equal(getattr(alone.initial, part), getattr(one.initial, part))
    assert torch.equal(alone.observations.keypoints, one.observations.keypoints)
    assert torch.equal(alone.noise.normal((4,)), one.noise.normal((4,)))
    torch.testing.assert_close(disturbed(alone).pose, disturbed(many).pose[2:])


def test_the_person_is_in_the_picture() -> None:
    scene = make_scene(make_problem(4, 60, layout="openpose25"))
    assert scene.depth is not None and scene.pixels is not None
    assert (scene.depth > 1.0).all()
    assert ((scene.pixels > 0) & (scene.pixels < torch.tensor([1280.0, 720.0]))).float().mean() > 0.9


def test_samples_are_consistent() -> None:
    clip, result = make_clip(9), make_result(9)
    assert clip.observations is not None and clip.body is not None
    assert clip.observations.keypoints.shape == (9, 17, 3) and (clip.body.transl[:, 2] > 1).all()
    assert (result.joints - result.initial_joints).abs().max() == pytest.approx(0.05, abs=1e-5)
