"""A new training run: what is measured on the data before the first step."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from diffopt_core.errors import BadInput
from diffopt_core.host.train import windows
from diffopt_core.host.train.shards import Clips
from torch import Tensor

from diffopt_priors.mdm import weights
from diffopt_priors.mdm.denoiser import trajectory_mask
from diffopt_priors.mdm.features import STD_BLOCKS, embed
from diffopt_priors.mdm.spectral import autocovariance, principal_components
from diffopt_priors.train.mdm.objective import Augmented, tempo
from diffopt_priors.train.mdm.trainer import Statistics, Trainer
from diffopt_priors.train.settings import MDMSettings

#: Batches that the statistics are measured on, short windows and long ones each.
_DRAWS = 30


def fresh(
    settings: MDMSettings, clips: Clips, offsets: Tensor, held_out: list[Path], start: Path | None = None
) -> Trainer:
    """New trainer; feature statistics from draws of the training distribution.

    ``start``: weight file whose network, scaling and components are taken over; only the spectra are measured anew.
    """
    needed, longest = windows.reach_of(settings.window + 1), int(clips.length.max())
    if longest < needed:
        raise BadInput(
            ", ".join(clips.files), "starts", f"the longest clip has {longest} frames; --window needs {needed}"
        )
    generator = torch.Generator().manual_seed(settings.seed)
    augmented = Augmented(clips, offsets)
    short = min(settings.window, settings.shortest + 8)

    def draw(frames: int) -> list[Tensor]:
        told = torch.zeros(settings.batch, dtype=torch.bool)
        rates = [tempo(settings.batch, generator).clamp(max=longest / (frames + 2)) for _ in range(_DRAWS)]
        batches = [augmented(settings.batch, frames + 1, generator, rate, told) for rate in rates]
        return [embed(pose, root, offsets, clips.fps) for pose, root in batches]

    # Short windows for the means, so that short clips count; long ones for the spectra.
    brief, long = draw(short), draw(settings.window)
    flat = torch.cat([f.flatten(0, 1) for f in brief + long])
    if start is None:
        mean, each = flat.mean(0), flat.var(0)
        std = torch.empty_like(mean)
        for block in STD_BLOCKS:
            # Root mean square, so that a block's mean variance is 1.
            std[list(block)] = each[list(block)].mean().sqrt().clamp(min=1e-4)
        basis = principal_components((flat - mean) / std, trajectory_mask(len(mean)))
        network, chain = None, []
    else:
        other, card = weights.load(start)
        link = {"name": start.stem, "step": card.get("step"), "sha256": hashlib.sha256(start.read_bytes()).hexdigest()}
        chain = [*card.get("chain", []), link]
        if other.spectral is None:
            raise BadInput(start, "features", "are HumanML3D's; --from needs weights of `diffopt train mdm`")
        mean, std, basis, network = other.mean, other.std, other.spectral.basis, other.network.state_dict()
    components = torch.cat([(f - mean) / std @ basis.T for f in long])
    statistics: Statistics = {
        "offsets": offsets,
        "mean": mean,
        "std": std,
        "basis": basis,
        "autocovariance": autocovariance(components),
    }
    trainer = Trainer(settings, clips, held_out, statistics)
    trainer.chain = chain
    if network is not None:
        try:
            trainer.adopt(network)
        except RuntimeError as error:
            raise BadInput(start or "", "network", f"--from needs the same width and layers ({error})") from error
    return trainer
