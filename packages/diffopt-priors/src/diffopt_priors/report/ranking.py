"""Ranking of real against corrupted motion by a prior: optional protocols of priors, scenes, statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from diffopt_core.config import TermConfig
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.data.noise import StreamNoise
from diffopt_core.errors import DiffOptError
from diffopt_core.host.registry import Registry
from diffopt_core.interfaces import Energy, ProblemContext
from diffopt_core.types import CameraTrajectory, HumanMotion, Observations, Scene
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.report.held import CORRUPTIONS, Held

#: Section -> row -> column -> value; None if there is no value.
Sections = dict[str, dict[str, dict[str, float | None]]]


@runtime_checkable
class Ranks(Protocol):
    """A prior with a score for ranking, which may separate real from corrupted motion better than its energy.

    An object without a score for its current weights sets ``self.rank = None``; then its energy is used.
    """

    def rank(self, scene: Scene) -> Float[Tensor, "B"]:
        """Lower for motion that is more like real motion. Noise, if any, from the context's streams."""
        ...


@runtime_checkable
class Reports(Protocol):
    """A prior with further sections for the report."""

    def report(self, scene: Scene, parts: Mapping[str, Tensor], samples: int) -> Sections:
        """``scene``: all held-out windows, those that the object was built with. ``parts``: shard -> its rows.
        ``samples``: number of motions to sample, for priors that can; 0 for none. Each section is printed as a
        table."""
        ...


_LAYOUT = "smpl24"
#: Distance of the camera from the body's first position (m) and its height; it looks along -Z.
_AWAY, _UP = 5.0, 1.2
_FOCAL, _CENTRE = 900.0, (640.0, 360.0)


def problem(
    pose: Float[Tensor, "B T 24 3 3"],
    trans: Float[Tensor, "B T 3"],
    rest: Float[Tensor, "24 3"],
    fps: float,
    seeds: Sequence[int],
    registry: Registry,
) -> ProblemContext:
    """A problem with the given windows, a stick body with bones ``rest`` and a static camera, on the motion's device.

    ``initial`` is the motion itself, so that a prior with variables starts at it. Noise comes from ``seeds``, one per
    window: a window and its corrupted version see the same.
    """
    clips, frames = trans.shape[:2]
    device = trans.device
    R = torch.diag(trans.new_tensor([1.0, -1.0, -1.0])).expand(clips, frames, 3, 3)
    place = trans[:, :1] * trans.new_tensor([1.0, 0.0, 1.0]) + trans.new_tensor([0.0, _UP, _AWAY])
    t = -(R @ place.expand(-1, frames, -1).unsqueeze(-1)).squeeze(-1)
    camera = CameraTrajectory(
        R, t, trans.new_full((clips, frames, 2), _FOCAL), trans.new_tensor(_CENTRE).expand(clips, frames, 2),
        unit="metre", level=True,
    )  # fmt: skip

    ctx = ProblemContext(
        device=device,
        seed=seeds[0],
        host=registry,
        fps=fps,
        initial=HumanMotion(pose, trans, trans.new_zeros(clips, 10)),
        camera=camera,
        observations=Observations(
            trans.new_zeros(clips, frames, 24, 3), _LAYOUT, torch.ones(clips, frames, dtype=torch.bool, device=device)
        ),
        rest_joints=rest.to(device).expand(clips, 24, 3),
        noise=StreamNoise(seeds, device),
    )
    ctx = replace(ctx, body=ctx.build("body", "stick"))
    points, pixels, _ = _seen(ctx)
    seen = torch.cat([pixels, torch.ones_like(points[..., :1])], dim=-1)
    ctx = replace(ctx, observations=replace(ctx.observations, keypoints=seen))
    return ctx


def scene_of(ctx: ProblemContext, needs: frozenset[str]) -> Scene:
    """The scene of the context's motion; computes only the fields in ``needs``."""
    points, pixels, depth = _seen(ctx)
    assert ctx.body is not None
    values = {"joints": ctx.body.joints(ctx.initial), "keypoints": points, "pixels": pixels, "depth": depth}
    shape = ctx.initial.trans.shape[:2]
    residual = {
        "rotation": torch.zeros(*shape, 6, device=ctx.device),
        "scale": torch.ones(*shape, 1, device=ctx.device),
        "translation": torch.zeros(*shape, 3, device=ctx.device),
        "focal": torch.ones(*shape, 1, device=ctx.device),
    }
    progress = torch.full((), 0.5, device=ctx.device)
    return Scene(ctx.initial, ctx.camera, progress, residual, **{k: v for k, v in values.items() if k in needs})


def _seen(ctx: ProblemContext) -> tuple[Tensor, Tensor, Tensor]:
    """Keypoints (world, m), their pixels and depths (m)."""
    assert ctx.body is not None
    points = ctx.body.keypoints(ctx.initial, _LAYOUT)
    in_camera = world_to_camera(points, ctx.camera.R, ctx.camera.t)
    return points, project(in_camera, ctx.camera.focal, ctx.camera.centre), in_camera[..., 2]


@dataclass(frozen=True)
class Asked:
    """The prior to evaluate, and the settings of the evaluation."""

    name: str
    options: Mapping[str, Any]
    registry: Registry
    device: torch.device
    draws: int = 4  # of the prior's noise, averaged
    batch: int = 32
    seed: int = 0

    def built(self, held: Held, pose: Tensor, trans: Tensor, windows: Tensor) -> tuple[Energy, Scene]:
        """The prior's object for these motions, and their scene. ``windows``: window numbers, which seed the noise."""
        config = self.registry.config("prior", self.name, self.options)
        needs = config.needs if isinstance(config, TermConfig) else frozenset[str]()
        seeds = [self.seed * 1_000_003 + int(k) for k in windows]
        ctx = problem(pose.to(self.device), trans.to(self.device), held.rest_joints(), held.fps, seeds, self.registry)
        return config.build(ctx), scene_of(ctx, needs)


def by_rank(asked: Asked, held: Held) -> bool:
    """Whether the prior has ``rank``."""
    one = held.some(torch.tensor([0]))
    return _rank_of(asked.built(one, *one.windows(), torch.tensor([0]))[0]) is not None


def _rank_of(energy: Energy) -> Energy | None:
    """The method ``rank``; None if it is missing or set to None."""
    return energy.rank if isinstance(energy, Ranks) else None


def energies(
    asked: Asked, held: Held, pose: Tensor, trans: Tensor, windows: Tensor, step: Callable[[], None]
) -> Float[Tensor, "B"]:
    """Mean over the draws of ``rank`` if the prior has one, else of its energy; float64, on the host."""
    values = []
    rows = torch.arange(len(trans))
    for some in rows.split(asked.batch):
        energy, scene = asked.built(held, pose[some], trans[some], windows[some])
        ask = _rank_of(energy) or energy
        with torch.no_grad():
            drawn = [ask(scene)]
            for _ in range(asked.draws - 1):
                drawn.append(ask(scene))
                if torch.equal(drawn[0], drawn[1]):  # the prior is deterministic
                    break
        if drawn[0].shape != (len(some),):
            raise DiffOptError(
                f"prior {asked.name}: gave a tensor of shape {tuple(drawn[0].shape)} for {len(some)} motions; "
                "expected one value a motion"
            )
        values.append(torch.stack(drawn).double().mean(0).cpu())
        step()
    return torch.cat(values)


def area(real: Float[Tensor, "N"], spoilt: Float[Tensor, "M"]) -> float:
    """Share of all pairs in which the corrupted motion has the higher value; a tie counts half."""
    order = real.sort().values
    below = torch.searchsorted(order, spoilt) + torch.searchsorted(order, spoilt, right=True)
    return float(below.double().mean() / (2 * len(real)))


def paired(real: Float[Tensor, "N"], spoilt: Float[Tensor, "N"]) -> float:
    """Share of windows whose own corrupted version has the higher value; a tie counts half."""
    return float(((spoilt > real).double() + 0.5 * (spoilt == real)).mean())


def ranking(asked: Asked, held: Held, step: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Corruption -> ``auc``, ``paired`` and ``windows``, over all held-out windows and by shard."""
    everything = torch.arange(len(held))
    real = _finite(energies(asked, held, *held.windows(), everything, step), asked.name, "real")
    rows: dict[str, Any] = {}
    for number, (name, corruption) in enumerate(CORRUPTIONS.items()):
        usable = corruption.usable(held).nonzero().squeeze(1)
        row: dict[str, Any] = {"amount": corruption.amount, "windows": len(usable)}
        if len(usable):
            some = held.some(usable)
            generator = torch.Generator().manual_seed(asked.seed * 100 + number)
            motion = corruption.apply(some, generator)
            spoilt = _finite(energies(asked, some, *motion, usable, step), asked.name, name)
            row |= _scores(real[usable], spoilt)
            row["by_shard"] = {
                shard: {"windows": int(at.sum()), **_scores(real[usable][at], spoilt[at])}
                for k, shard in enumerate(held.names)
                if bool((at := some.part == k).any())
            }
        rows[name] = row
    return {
        "by": "rank" if by_rank(asked, held) else "energy",
        "draws": asked.draws,
        "real_mean": float(f"{float(real.mean()):.6g}"),
        "rows": rows,
    }


#: Windows below which an AUC says little: each is then worth a tenth or more.
_FEW = 10


def notice(ranked: Mapping[str, Any]) -> str | None:
    """The rows that rest on few windows; None if there are none."""
    few = [f"{name} {row['windows']}" for name, row in ranked["rows"].items() if 0 < row["windows"] < _FEW]
    return f"fewer than {_FEW} windows, so the AUC says little: {', '.join(few)}; give more --data" if few else None


def _scores(real: Tensor, spoilt: Tensor) -> dict[str, float]:
    return {
        "auc": round(area(real, spoilt), 4),
        "paired": round(paired(real, spoilt), 4),
        "mean": float(f"{float(spoilt.mean()):.6g}"),
    }


def _finite(values: Tensor, prior: str, what: str) -> Tensor:
    if bad := int((~values.isfinite()).sum()):
        raise DiffOptError(f"prior {prior}: {bad} of {len(values)} windows ({what}) have no finite energy")
    return values
