"""Whether a prior ranks real motion above spoilt motion: energies, and the area under the curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffopt_core.config import TermConfig
from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import Energy
from diffopt_core.registry import Registry
from diffopt_core.types import Scene
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.report.corruptions import CORRUPTIONS
from diffopt_priors.report.held import Held
from diffopt_priors.report.protocols import Ranks
from diffopt_priors.report.scene import problem, scene_of


@dataclass(frozen=True)
class Asked:
    """A prior as the user named it, and how its energy is taken."""

    name: str
    options: Mapping[str, Any]
    registry: Registry
    device: torch.device
    draws: int = 4  # of the prior's noise, averaged
    batch: int = 32
    seed: int = 0

    def built(self, held: Held, pose: Tensor, trans: Tensor, windows: Tensor) -> tuple[Energy, Scene]:
        """The prior's object on these motions, and their scene. ``windows``: numbers that the noise hangs on."""
        config = self.registry.config("prior", self.name, self.options)
        needs = config.needs if isinstance(config, TermConfig) else frozenset[str]()
        seeds = [self.seed * 1_000_003 + int(k) for k in windows]
        ctx = problem(pose.to(self.device), trans.to(self.device), held.rest_joints(), held.fps, seeds, self.registry)
        return config.build(ctx), scene_of(ctx, needs)


def by_rank(asked: Asked, held: Held) -> bool:
    """Whether the prior offers ``rank``."""
    one = held.some(torch.tensor([0]))
    return _rank_of(asked.built(one, *one.windows(), torch.tensor([0]))[0]) is not None


def _rank_of(energy: Energy) -> Energy | None:
    """None also where the object has put None in its method's place."""
    return energy.rank if isinstance(energy, Ranks) else None


def energies(
    asked: Asked, held: Held, pose: Tensor, trans: Tensor, windows: Tensor, step: Callable[[], None]
) -> Float[Tensor, "B"]:
    """Mean over the draws of ``rank`` where the prior has one, else of its energy. float64, host."""
    values = []
    rows = torch.arange(len(trans))
    for some in rows.split(asked.batch):
        energy, scene = asked.built(held, pose[some], trans[some], windows[some])
        ask = _rank_of(energy) or energy
        with torch.no_grad():
            drawn = [ask(scene)]
            for _ in range(asked.draws - 1):
                drawn.append(ask(scene))
                if torch.equal(drawn[0], drawn[1]):  # nothing random in it
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
    """Share of all pairs in which the spoilt motion has the higher value; a tie counts half."""
    order = real.sort().values
    below = torch.searchsorted(order, spoilt) + torch.searchsorted(order, spoilt, right=True)
    return float(below.double().mean() / (2 * len(real)))


def paired(real: Float[Tensor, "N"], spoilt: Float[Tensor, "N"]) -> float:
    """Share of windows whose own spoilt version has the higher value; a tie counts half."""
    return float(((spoilt > real).double() + 0.5 * (spoilt == real)).mean())


def ranking(asked: Asked, held: Held, step: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Corruption -> ``auc``, ``paired`` and ``windows``, over all held windows and by shard."""
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
