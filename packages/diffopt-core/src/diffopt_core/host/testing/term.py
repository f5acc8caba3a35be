"""The contract of terms and priors, and detection of host-device synchronisation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ...config import TermConfig
from ...interfaces import Energy, OwnsVariables, ProblemContext
from ...types import Scene
from .component import ComponentContract
from .problem import clip_alone, disturbed, ended, make_problem, make_scene, residual_of, shortened

#: Operations whose result, or its shape, must be read on the host.
_READS = {
    "aten::_local_scalar_dense",
    "aten::is_nonzero",
    "aten::nonzero",
    "aten::masked_select",
    "aten::unique_dim",
    "aten::_unique2",
    "aten::unique_consecutive",
    "aten::equal",
}
_METHODS = ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__")


#: ``x[...]`` and ``x[...] = y``: a list among the indices becomes a host tensor, copied to the device at every call.
_INDEXED = ("__getitem__", "__setitem__")


class HostSync(AssertionError):
    """The code under test read a tensor's value on the host, or copied host data to the device."""


class _Watch(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        if name == "aten::lift_fresh":
            raise HostSync(
                "torch.tensor(...) copies host data to the device at every step; create the tensor once, outside"
            )
        if name in _READS:
            raise HostSync(f"{name} makes the host wait for the device")
        if name in ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"):
            for index in args[1]:
                if isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8):
                    raise HostSync(
                        "indexing with a mask makes the host wait for the number of elements; use torch.where"
                    )
        return func(*args, **(kwargs or {}))


@contextmanager
def forbid_host_sync() -> Iterator[None]:
    """Raise :class:`HostSync` where the body reads a tensor's value: ``.item()``, ``bool(tensor)``, ``.cpu()``,
    ``tensor[mask]``, ``nonzero`` and similar, or creates a tensor from host data: ``torch.tensor``, a list as an index.
    Such steps cannot be captured (executor ``cudagraph``). Use it around code that the solver's loop calls."""
    kept = {name: getattr(Tensor, name) for name in (*_METHODS, *_INDEXED)}

    def refuse(name: str) -> Any:
        def refused(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            raise HostSync(f"Tensor.{name} makes the host wait for the device")

        return refused

    def indexed(name: str) -> Any:
        def checked(self: Tensor, index: Any, *args: Any) -> Any:
            if any(
                isinstance(part, list | tuple | range) for part in (index if isinstance(index, tuple) else (index,))
            ):
                raise HostSync(
                    "a list as an index is copied to the device at every step; use slices or a tensor created once"
                )
            return kept[name](self, index, *args)

        return checked

    for name in _METHODS:
        setattr(Tensor, name, refuse(name))
    for name in _INDEXED:
        setattr(Tensor, name, indexed(name))
    try:
        with _Watch():
            yield
    finally:
        for name, method in kept.items():
            setattr(Tensor, name, method)


_OPTIONAL = frozenset({"joints", "keypoints", "pixels", "depth"})


class _WatchedScene(Scene):
    """A scene that records which of its optional fields were read."""

    def __getattribute__(self, name: str) -> Any:
        if name in _OPTIONAL:
            object.__getattribute__(self, "__dict__").setdefault("_read", set()).add(name)
        return object.__getattribute__(self, name)


class TermContract(ComponentContract):
    """Set ``name``. ``reaches``: ``motion``, or ``camera`` for a term that only the camera's residual moves.

    ``clips`` and ``frames`` size the problem; ``tolerance`` is the relative difference allowed between a clip
    alone and the same clip in a batch. ``any_dtype``: the term also works in float64.
    """

    kind = "term"
    reaches: ClassVar[str] = "motion"
    clips: ClassVar[int] = 2
    frames: ClassVar[int] = 12
    layout: ClassVar[str] = "smpl24"
    tolerance: ClassVar[float] = 1e-4
    any_dtype: ClassVar[bool] = True

    def context(self, dtype: torch.dtype = torch.float32) -> ProblemContext:
        return make_problem(self.clips, self.frames, layout=self.layout, dtype=dtype, host=self.registry())

    def needs(self) -> frozenset[str]:
        config = self.config()
        assert isinstance(config, TermConfig), "the config of a term or prior must derive from TermConfig"
        return config.needs

    def scene(self, ctx: ProblemContext, scene: type[Scene] = Scene) -> tuple[Scene, dict[str, Tensor]]:
        """A scene near the initial motion, and its leaves: pose, trans and the camera residual."""
        motion, residual = disturbed(ctx), residual_of(ctx, 0.1)
        leaves = {"pose": motion.pose, "trans": motion.trans, **residual}
        leaves = {name: leaf.detach().clone().requires_grad_(True) for name, leaf in leaves.items()}
        motion = replace(motion, pose=leaves["pose"], trans=leaves["trans"])
        residual = {name: leaves[name] for name in residual}
        return make_scene(ctx, motion, residual, self.needs(), scene), leaves

    def value(self, ctx: ProblemContext) -> Tensor:
        energy: Energy = self.build(ctx)
        return energy(self.scene(ctx)[0])

    def test_value_is_one_finite_number_a_clip(self) -> None:
        value = self.value(self.context())
        assert value.shape == (self.clips,), f"expected shape ({self.clips},), got {tuple(value.shape)}"
        assert value.isfinite().all(), f"not finite: {value.tolist()}"

    def test_gradient_is_finite_and_arrives(self) -> None:
        ctx = self.context()
        scene, leaves = self.scene(ctx)
        value = self.build(ctx)(scene)
        assert value.requires_grad, "the energy is detached from its inputs"
        grads = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
        found = {name: grad for name, grad in zip(leaves, grads, strict=True) if grad is not None}
        for name, grad in found.items():
            assert grad.isfinite().all(), f"gradient of {name} is not finite"
        wanted = ("pose", "trans") if self.reaches == "motion" else ("rotation", "scale", "translation", "focal")
        moved = [name for name in wanted if name in found and found[name].flatten(1).abs().sum(1).gt(0).all()]
        assert moved, (
            f"no gradient reaches the {self.reaches} of every clip (zero here? check it with options that make it act)"
        )

    def test_gradient_is_finite_at_the_start(self) -> None:
        """At the initial motion all differences are zero, where square roots and angles have no derivative."""
        ctx = self.context()
        pose, trans = ctx.initial.pose.clone().requires_grad_(True), ctx.initial.trans.clone().requires_grad_(True)
        residual = {name: part.clone().requires_grad_(True) for name, part in residual_of(ctx).items()}
        scene = make_scene(ctx, replace(ctx.initial, pose=pose, trans=trans), residual, self.needs())
        value = self.build(ctx)(scene)
        if not value.requires_grad:
            return
        for grad in torch.autograd.grad(value.sum(), [pose, trans, *residual.values()], allow_unused=True):
            assert grad is None or grad.isfinite().all(), "gradient is not finite at the initial motion"

    def test_clip_in_a_batch_equals_clip_alone(self) -> None:
        together = self.value(self.context())
        for k in range(self.clips):
            alone = self.value(clip_alone(self.context(), k))
            torch.testing.assert_close(alone[0], together[k], rtol=self.tolerance, atol=1e-6)

    def test_frames_beyond_a_clip_change_nothing(self) -> None:
        """If the config says ``ragged``."""
        if not self.config().ragged:
            return
        frames = self.frames - 3
        ctx = ended(self.context(), frames)
        scene, leaves = self.scene(ctx)
        value = self.build(ctx)(scene)
        alone = self.build(shortened(ended(self.context(), frames), frames))(shortened(scene, frames))
        torch.testing.assert_close(value, alone, rtol=self.tolerance, atol=1e-6)
        for name, grad in zip(
            leaves, torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True), strict=True
        ):
            assert grad is None or not grad[:, frames:].any(), f"{name} is moved beyond the clip's end"

    def test_building_twice_gives_the_same_energy(self) -> None:
        torch.testing.assert_close(self.value(self.context()), self.value(self.context()), rtol=0.0, atol=0.0)

    def test_host_does_not_wait(self) -> None:
        ctx = self.context()
        energy, (scene, leaves) = self.build(ctx), self.scene(ctx)
        with forbid_host_sync():
            torch.autograd.grad(energy(scene).sum(), list(leaves.values()), allow_unused=True)

    def test_needs_are_honest(self) -> None:
        needs = self.needs()
        assert needs <= _OPTIONAL, f"unknown needs {sorted(needs - _OPTIONAL)}; a scene has {sorted(_OPTIONAL)}"
        ctx = self.context()
        scene, _ = self.scene(ctx, _WatchedScene)
        vars(scene).pop("_read", None)
        self.build(ctx)(scene)
        read = vars(scene).get("_read", set())
        assert read <= needs, f"reads {sorted(read - needs)}, which are not in `needs`"
        assert needs <= read, f"`needs` lists {sorted(needs - read)}, which are not read"

    def test_works_in_double_precision(self) -> None:
        if not self.any_dtype:
            return
        double, single = self.value(self.context(torch.float64)), self.value(self.context())
        assert double.dtype == torch.float64, f"float64 in, {double.dtype} out"
        torch.testing.assert_close(double.float(), single, rtol=1e-2, atol=1e-4)

    def test_own_variables_are_one_row_a_clip(self) -> None:
        energy = self.build(self.context())
        if not isinstance(energy, OwnsVariables):
            return
        for name, leaves in energy.variables().items():
            for leaf in leaves:
                assert leaf.is_leaf and leaf.shape[0] == self.clips, f"{name}: a leaf with leading B is expected"


class PriorContract(TermContract):
    """As :class:`TermContract`, for priors, whose networks may require float32.

    A prior that draws noise must take it from ``ctx.noise``, which has one stream per clip.
    """

    kind = "prior"
    any_dtype = False
    tolerance = 1e-3
