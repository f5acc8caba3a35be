"""Training of the pose prior: its loss, single poses of motion shards drawn by subject, one step, evaluation, export.

Mirroring is the only augmentation: heading, position and speed are not in a pose. For the same reason clips on
stairs, ladders and seats (``_nonflat``), which a motion prior has to leave out, are welcome here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import JOINTS as ALL_JOINTS
from diffopt_core.data.skeleton import mirror_order
from diffopt_core.errors import BadInput
from diffopt_core.host.train import shards
from diffopt_core.host.train.trainer import NetworkTraining
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.configs import VPoserConfig
from diffopt_priors.mdm.features import kinematics
from diffopt_priors.report.ranking import area
from diffopt_priors.train.settings import VPoserSettings
from diffopt_priors.vposer import weights
from diffopt_priors.vposer.network import JOINTS, VPoser, body_of, rotation_error, to_axis_angle
from diffopt_priors.vposer.term import misfit, unlikeliness


def positions(body: Float[Tensor, "N 21 3 3"], offsets: Float[Tensor, "24 3"]) -> Float[Tensor, "N 21 3"]:
    """Joints 1 to 21 of the reference skeleton about an upright pelvis, m."""
    eye = torch.eye(3, dtype=body.dtype, device=body.device)
    pose = torch.cat([eye.expand(len(body), 1, 3, 3), body, eye.expand(len(body), 2, 3, 3)], 1)
    return kinematics(pose, pose.new_zeros(len(pose), 3), offsets)[:, 1 : 1 + JOINTS]


def kl_to_standard(mean: Float[Tensor, "N D"], std: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    """KL(N(mean, std^2) || N(0, 1)) of each latent, nat."""
    return 0.5 * (mean.square() + std.square() - 1) - std.clamp_min(1e-6).log()


def loss(
    network: VPoser,
    poses: Float[Tensor, "N 21 3"],
    noise: Float[Tensor, "N 32"],
    rest: Float[Tensor, "24 3"],
    settings: VPoserSettings,
) -> dict[str, Tensor]:
    """Means over the batch. Rotations and joint positions as Gaussian likelihoods, and the divergence of the code."""
    mean, std = network.encode(poses)
    made, true = network.decode(mean + std * noise), axis_angle_to_matrix(poses)
    rotation = rotation_error(made, true).mean() / (2 * settings.rotation_sigma**2)
    apart = positions(made, rest) - positions(true, rest)
    position = apart.square().sum((1, 2)).mean() / (2 * settings.position_sigma**2)
    kl = kl_to_standard(mean, std).sum(-1).mean()
    return {"loss": rotation + position + kl, "rotation": rotation, "position": position, "kl": kl}


#: Rotation noise on every joint, degrees root mean square.
NOISE = (5.0, 10.0, 20.0)
#: A latent that tells less than this about a pose is unused, nat.
_USED = 0.02


def corrupted(poses: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Poses ``[N 21 3]`` made wrong: noise on each joint, or each joint from some other pose."""
    count, joints = poses.shape[:2]
    made = {}
    for degrees in NOISE:
        noise = torch.randn(poses.shape, generator=generator) * (torch.pi / 180 * degrees / 3**0.5)
        made[f"noise_{degrees:g}deg"] = to_axis_angle(axis_angle_to_matrix(poses) @ axis_angle_to_matrix(noise))
    index = torch.randint(count, (count, joints), generator=generator)
    made["shuffled_joints"] = poses[index, torch.arange(joints)]
    return made


def energies(network: VPoser, poses: Tensor, spread: float) -> dict[str, Tensor]:
    """Energy of poses ``[N 21 3]`` in parts."""
    mean, _ = network.encode(poses)
    fit = misfit(axis_angle_to_matrix(poses), network.decode(mean), spread)
    return {"nll": unlikeliness(mean), "reconstruction": fit, "both": unlikeliness(mean) + fit}


@torch.no_grad()
def validation(network: VPoser, poses: Tensor, offsets: Tensor) -> dict[str, Any]:
    """Reconstruction, use of the latents and discrimination on poses ``[N 21 3]``; network in evaluation mode."""
    mean, std = network.encode(poses)
    true, made = axis_angle_to_matrix(poses), network.decode(mean)
    angle = to_axis_angle(true.mT @ made).norm(dim=-1)
    error = (positions(true, offsets) - positions(made, offsets)).norm(dim=-1)
    kl = kl_to_standard(mean, std)
    spread = float(VPoserConfig.model_fields["spread"].default)
    real = energies(network, poses, spread)
    wrong = corrupted(poses, torch.Generator().manual_seed(0))
    parts = {name: energies(network, poses_, spread) for name, poses_ in wrong.items()}
    report: dict[str, Any] = {
        "reconstruction": {"degrees": float(angle.mean().rad2deg()), "mm": float(1000 * error.mean())},
        "latent": {
            "kl_nat": float(kl.sum(-1).mean()),
            "used": int((kl.mean(0) > _USED).sum()),
            "std": float((mean.var(0) + std.square().mean(0)).sqrt().mean()),
            "mean_energy": float(real["both"].mean()),
        },
        **{f"auc_{part}": {name: area(real[part], found[part]) for name, found in parts.items()} for part in real},
    }
    return {
        group: {k: v if isinstance(v, int) else round(v, 4) for k, v in values.items()}
        for group, values in report.items()
    }


_PARTNERS = [j - 1 for j in mirror_order(ALL_JOINTS)[1 : 1 + JOINTS]]
#: A rotation's axis is a pseudovector: mirroring x turns y and z.
_SIGNS = (1.0, -1.0, -1.0)


@dataclass(frozen=True)
class Poses:
    """``axis_angle`` of joints 1 to 21, rad; ``last``: running sum of the sampling weights of the frames."""

    axis_angle: Tensor  # [N 21 3]
    last: Tensor  # [N], float64, ends at 1
    files: tuple[str, ...]


def find(folder: Path, exclude: Iterable[str] = ()) -> list[Path]:
    """Training shards below a folder, those without flat ground too."""
    words = (*exclude, "_test", "_val")
    flat = shards.find(folder, validation=False, exclude=words)
    uneven = [p for p in folder.rglob("*_nonflat*.npz") if not any(w in str(p.relative_to(folder)) for w in words)]
    return sorted({*flat, *uneven})


def read(paths: list[Path], balance: float = 0.0) -> Poses:
    """Load shards. A frame's weight is (frames of its subject)^-balance: no subject dominates."""
    poses, subjects = [], []
    for path in paths:
        shard = shards.read_shard(path)
        matrix = axis_angle_to_matrix(torch.from_numpy(shard["poses"].astype(np.float32)))
        poses.append(to_axis_angle(body_of(matrix)))
        subjects.append(np.repeat(shard["subjects"].astype(str), np.diff(shard["starts"])))
    if not paths:
        raise BadInput("--data", "shards", "none to read")
    names = np.concatenate(subjects).tolist()
    frames = Counter(names)
    weight = torch.tensor([frames[name] ** -balance for name in names], dtype=torch.float64).cumsum(0)
    return Poses(torch.cat(poses), weight / weight[-1], tuple(path.name for path in paths))


def mirror(axis_angle: Tensor) -> Tensor:
    """Left-right mirrored poses ``[N 21 3]``."""
    return axis_angle[:, _PARTNERS] * axis_angle.new_tensor(_SIGNS)


def draw(poses: Poses, batch: int, generator: torch.Generator) -> Tensor:
    """Poses ``[batch 21 3]``, half of them mirrored."""
    share = torch.rand(batch, generator=generator, dtype=torch.float64)
    index = torch.searchsorted(poses.last, share).clamp(max=len(poses.last) - 1)
    chosen = poses.axis_angle[index]
    flip = torch.rand(batch, generator=generator) < 0.5
    return torch.where(flip[:, None, None], mirror(chosen), chosen)


#: Steps of a run that share nothing: a seed of its own for each.
_STRIDE = 1_000_003


class VPoserTraining(NetworkTraining):
    """All randomness, dropout too, comes from (seed, step)."""

    name = "vposer"
    settings_type = VPoserSettings
    network: VPoser
    betas = (0.9, 0.999)
    max_norm = 100.0

    def __init__(self, settings: VPoserSettings, poses: Poses, held_out: Mapping[str, Poses], offsets: Tensor) -> None:
        self.poses, self.held_out, self.offsets = poses, held_out, offsets
        super().__init__(settings, poses.files, [file for each in held_out.values() for file in each.files])

    def build(self) -> VPoser:
        return VPoser()

    def losses(self) -> dict[str, Tensor]:
        seed = self.settings.seed * _STRIDE + self.step_index
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # dropout knows no generator of its own
        poses = draw(self.poses, self.settings.batch, generator)
        noise = torch.randn(len(poses), self.network.latent, generator=generator)
        return loss(self.network, poses, noise, self.offsets, self.settings)

    def evaluate(self) -> dict[str, Any]:
        """Report by validation shard."""
        self.network.eval()
        found = {
            name: validation(self.network, poses.axis_angle, self.offsets) for name, poses in self.held_out.items()
        }
        return {f"{name}/{group}": values for name, report in found.items() for group, values in report.items()}

    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Weights and card."""
        augmentation = "mirroring; heading, position and speed are not in a pose"
        weights.export(path, self.network, {**self.card(path, report), "augmentation": augmentation})
