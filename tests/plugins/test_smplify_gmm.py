"""``prior/gmm``: the energy, SMPLify's file, and files that are refused."""

from __future__ import annotations

import json
import pickle
from math import log, pi
from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.host.testing import PriorContract
from diffopt_smplify import mixture as weights
from diffopt_smplify.mixture import Mixture, pose_vector
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor


class TestGmm(PriorContract):
    name = "gmm"
    any_dtype = True


def parts(dimensions: int = 69, count: int = 8, seed: int = 0) -> dict[str, np.ndarray]:
    """A mixture in the layout of SMPLify's pickle."""
    draw = np.random.default_rng(seed)
    root = 0.1 * draw.normal(size=(count, dimensions, dimensions)) / dimensions**0.5
    return {
        "means": 0.3 * draw.normal(size=(count, dimensions)),
        "covars": root @ root.transpose(0, 2, 1) + 0.05 * np.eye(dimensions),
        "weights": draw.dirichlet(np.ones(count)),
    }


def pickled(path: Path, content: object, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def poses(x: Tensor) -> Tensor:
    """Pose matrices ``[N 24 3 3]`` of vectors ``[N D]``; the rest of the joints at rest."""
    full = x.new_zeros(len(x), 72)
    full[:, 3 : 3 + x.shape[1]] = x
    return axis_angle_to_matrix(full.unflatten(-1, (24, 3)))


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("dimensions", [63, 69])
def test_smplify_s_layout_is_read_and_its_formula_holds(tmp_path: Path, dimensions: int, protocol: int) -> None:
    content = parts(dimensions)
    mixture = weights.load(weights.resolve(str(pickled(tmp_path / "gmm_08.pkl", content, protocol))))
    x = 0.3 * np.random.default_rng(1).normal(size=(5, dimensions))
    wanted = []
    for pose in x:
        each = []
        for mean, covariance, weight in zip(content["means"], content["covars"], content["weights"], strict=True):
            apart = pose - mean
            distance = apart @ np.linalg.inv(covariance) @ apart
            each.append(0.5 * (distance + np.linalg.slogdet(2 * pi * covariance)[1]) - log(weight))
        wanted.append(min(each))
    found = mixture.nll(pose_vector(poses(torch.from_numpy(x)), dimensions))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1.0))
def test_nothing_lies_below_the_likeliest_mean(seed: int, size: float) -> None:
    content = {key: torch.from_numpy(value) for key, value in parts(63).items()}
    mixture = Mixture.of(content["weights"], content["means"], content["covars"])
    best = content["means"][mixture.constant.argmin()]
    noise = size * torch.randn(1, 63, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert mixture.energy(poses(best[None])).item() == pytest.approx(0.0, abs=1e-9)
    assert mixture.energy(poses(best + noise)).item() > 0


def test_hands_count_in_69_dimensions_only() -> None:
    x = torch.zeros(1, 69, dtype=torch.float64)
    moved = x.clone()
    moved[:, 63:] = 0.5
    for dimensions, same in ((63, True), (69, False)):
        content = {key: torch.from_numpy(value) for key, value in parts(dimensions).items()}
        mixture = Mixture.of(content["weights"], content["means"], content["covars"])
        assert torch.equal(mixture.energy(poses(x)), mixture.energy(poses(moved))) is same


def test_the_root_does_not_count() -> None:
    mixture = weights.load(weights.resolve("open"))
    pose = poses(torch.zeros(1, 63, dtype=torch.float64))
    turned = pose.clone()
    turned[:, 0] = axis_angle_to_matrix(torch.tensor([[0.3, 2.0, -0.5]], dtype=torch.float64))
    assert torch.equal(mixture.energy(turned), mixture.energy(pose))


def test_shipped_prior_prefers_people() -> None:
    """A knee that bends backwards as knees do, against one that bends forwards and against exchanged joints."""
    mixture = weights.load(weights.resolve("open"))
    bent = torch.zeros(24, 3, dtype=torch.float64)
    bent[16, 2], bent[17, 2], bent[4, 0] = -1.2, 1.2, 1.2
    broken = bent.clone()
    broken[4, 0] = -1.2
    permuted = bent[[0, *torch.randperm(23, generator=torch.Generator().manual_seed(0)).add(1).tolist()]]
    good, bad, worse = mixture.energy(axis_angle_to_matrix(torch.stack([bent, broken, permuted]))).tolist()
    assert good < bad < 1.0 < worse
    assert good < 0.5


def test_shipped_card_names_its_terms() -> None:
    card = json.loads(weights.resolve("open").with_suffix(".json").read_text())
    assert not any("bnr" in name or "_test" in name for name in card["training_files"])
    assert any("mocap.cs.cmu.edu" in text for text in card["terms"])
    assert not any("not known" in text or "NC" in text for text in card["terms"])


def test_gradient_is_right() -> None:
    mixture = weights.load(weights.resolve("open"))
    x = 0.2 * torch.randn(2, 63, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda y: mixture.energy(poses(y)), x.requires_grad_(), fast_mode=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"means": None}, "means: missing"),
        ({"covars": None}, "covars: missing"),
        ({"weights": None}, "weights: missing"),
        ({"means": np.zeros((8, 72))}, r"means: has shape \(8, 72\), expected K x 69"),
        ({"means": "words"}, "means: not an array"),
        ({"weights": np.ones(7)}, r"weights: has shape \(7,\), expected \(8,\)"),
        ({"weights": np.zeros(8)}, "weights: must all be positive"),
        ({"covars": np.ones((8, 69))}, r"covars: has shape \(8, 69\)"),
        ({"covars": np.zeros((8, 69, 69))}, "covars: not positive definite"),
        ({"covars": np.full((8, 69, 69), np.nan)}, "covars: contains NaN"),
    ],
)
def test_bad_pickles_name_the_key(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    content = {key: value for key, value in ({**parts(), **changes}).items() if value is not None}
    with pytest.raises(BadInput, match=rf"gmm_08\.pkl: {words}.*smplify\.is\.tue\.mpg\.de"):
        weights.load(pickled(tmp_path / "gmm_08.pkl", content))


class Runs:
    """What a hostile file would hold."""

    def __reduce__(self):
        import os

        return os.system, ("true",)


def test_a_pickle_that_runs_something_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="refused"):
        weights.load(pickled(tmp_path / "gmm_08.pkl", {**parts(), "means": Runs()}))
    with pytest.raises(BadInput, match="contains a list"):
        weights.load(pickled(tmp_path / "list.pkl", [1]))


def test_absent_and_broken_files_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingResource, match=r"gmm_nope\.safetensors.*Shipped weights: open.*diffopt train gmm"):
        weights.resolve("nope")
    with pytest.raises(MissingResource, match=r"gmm_08\.pkl not found"):
        weights.resolve(str(tmp_path / "gmm_08.pkl"))
    with pytest.raises(BadInput, match=r"\.safetensors or \.pkl"):
        weights.resolve(str(tmp_path / "gmm.npz"))
    path = tmp_path / "own.safetensors"
    state = {name: torch.from_numpy(parts(63)[key]) for key, name in weights._PICKLED.items()}
    weights.save(path, state, {})
    assert weights.load(path).whiten.shape == (8, 63, 63)
    weights.save(path, {k: v for k, v in state.items() if k != "covariances"}, {})
    with pytest.raises(BadInput, match="covariances: missing"):
        weights.load(path)
    path.with_suffix(".json").write_text('{"format": 9}')
    with pytest.raises(BadInput, match="format: is 9"):
        weights.load(path)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(BadInput, match="cannot be read"):
        weights.load(path)
