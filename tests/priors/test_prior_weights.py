"""The shipped weights: small enough, documented, and better than doing nothing on a walk.

Walks that training never saw: the project's own demonstration, and trial 08_01 of the CMU Graphics Lab Motion
Capture Database where a shard that holds it is at hand.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.errors import BadInput
from diffopt_core.parts.demo_motion.walk import walk as demo_walk
from diffopt_priors.cards import MDM_WEIGHTS
from diffopt_priors.configs import MDMConfig
from diffopt_priors.mdm import weights
from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import embed, kinematics, root_path
from goldens import beside
from prior_cases import Streams, context, scene
from torch import Tensor


@pytest.fixture(scope="module")
def shipped() -> tuple[Denoiser, dict]:
    return weights.load(MDM_WEIGHTS.resolve("nc"))


@pytest.fixture(scope="module", params=[None, *beside("mocap/cmu_val.npz")])
def walk(request: pytest.FixtureRequest, shipped: tuple[Denoiser, dict]) -> tuple[Tensor, Tensor]:
    if request.param is None:
        rest = kinematics(torch.eye(3).expand(1, 24, 3, 3), torch.zeros(1, 3), shipped[0].offsets)[0]
        motion = demo_walk(rest.double().numpy(), 71, 30.0)
        return motion.pose.float().unsqueeze(0), motion.trans.float().unsqueeze(0)
    with np.load(request.param) as file:
        index = file["names"].tolist().index("08_01")
        span = slice(file["starts"][index], file["starts"][index] + 70)
        poses, trans = (torch.from_numpy(file[k][span].astype(np.float32)) for k in ("poses", "trans"))
    return axis_angle_to_matrix(poses).unsqueeze(0), trans.unsqueeze(0)


def _normalised(denoiser: Denoiser, walk: tuple[Tensor, Tensor]) -> Tensor:
    return denoiser.normalise(embed(*walk, denoiser.offsets, 30.0))


def test_file_is_small_and_its_card_is_complete(shipped: tuple[Denoiser, dict]) -> None:
    path = MDM_WEIGHTS.resolve("nc")
    assert path.stat().st_size <= 8_000_000
    card = shipped[1]
    terms = " ".join(card["terms"])
    for words in ("mocap.cs.cmu.edu", "CC BY-NC 4.0", "CC BY 4.0"):
        assert words in terms
    assert {"fps", "window", "settings", "report", "step", "training_files"} <= set(card)


def test_a_card_of_a_giant_is_refused_before_it_is_built(tmp_path: Path) -> None:
    path = MDM_WEIGHTS.resolve("open")
    card = json.loads(path.with_suffix(".json").read_text())
    (tmp_path / "w.safetensors").write_bytes(path.read_bytes())
    for part, key, value in (("network", "layers", 10**6), ("diffusion", "steps", 2**70)):
        (tmp_path / "w.json").write_text(json.dumps(card | {part: card[part] | {key: value}}))
        with pytest.raises(BadInput, match=rf"w\.json: {part}\.{key}: is .*; expected at most"):
            weights.load(tmp_path / "w.safetensors")


@pytest.mark.parametrize("level", [0.3, 0.5, 0.7])
def test_denoises_a_real_walk_better_than_identity(
    shipped: tuple[Denoiser, dict], walk: tuple[Tensor, Tensor], level: float
) -> None:
    denoiser = shipped[0]
    x = _normalised(denoiser, walk).expand(4, -1, -1)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    t = torch.full((4,), round(level * 999))
    x_t = denoiser.noised(x, t, t, noise)
    # Identity: the noisy input, scaled back as the best single factor would.
    scaled = x_t * denoiser.level("alpha", t, t)
    error, baseline = ((guess - x).square().mean() for guess in (denoiser.predict(x_t, t, t), scaled))
    assert error < 0.8 * baseline


def test_path_is_read_off_the_articulation(shipped: tuple[Denoiser, dict], walk: tuple[Tensor, Tensor]) -> None:
    denoiser = shipped[0]
    x = _normalised(denoiser, walk).expand(4, -1, -1)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    t, root_t = torch.full((4,), 50), torch.full((4,), 999)
    guess = denoiser.denormalise(denoiser.predict(denoiser.noised(x, t, root_t, noise), t, root_t))
    end, true_end = (root_path(f)[0][:, -1, [0, 2]] for f in (guess, denoiser.denormalise(x)))
    assert ((end - true_end).norm(dim=-1) / true_end.norm(dim=-1)).mean() < 0.35


def test_energy_prefers_the_walk_to_a_wrong_path(walk: tuple[Tensor, Tensor]) -> None:
    pose, trans = walk
    still = trans[:, :1].expand_as(trans)
    backward = 2 * trans[:, :1] - trans
    options = {"noise_samples": 4, "timesteps": (0.3, 0.7), "velocity_weight": 20.0}
    values = []
    for path in (trans, still, backward):
        energy = MDMConfig(**options).build(context(pose, path, Streams([0])))
        values.append(float(energy(scene(pose, path))))
    assert values[0] < min(values[1:])
