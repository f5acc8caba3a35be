"""How mdm ranks motion, how it is sampled, and the loop that trains every prior."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffopt_core.host.train import loop
from diffopt_core.host.train import loop as curves
from diffopt_priors.mdm import rank, weights
from diffopt_priors.train.mdm import quality
from diffopt_priors.train.settings import MDMSettings
from hypothesis import given
from hypothesis import strategies as st
from prior_cases import Streams, tiny_card
from torch import Tensor

CALM = {"mean": [0.0] * len(rank.NAMES), "std": [1.0] * len(rank.NAMES)}


def test_the_most_suspicious_answer_counts() -> None:
    ordinary = torch.zeros(len(rank.NAMES))
    assert float(rank.suspicion(ordinary, CALM)) == pytest.approx(0.0, abs=1e-6)
    for question, tolerance in enumerate(rank.TOLERANCE):
        odd = ordinary.clone()
        odd[question] = 6 * tolerance
        assert 4 < float(rank.suspicion(odd, CALM)) < 6
        odd[question] = -6 * tolerance
        assert float(rank.suspicion(odd, CALM)) <= 0, "an answer that is less suspicious than usual adds nothing"


def test_rank_is_one_number_a_clip_by_its_own_noise() -> None:
    denoiser = weights.build(tiny_card())
    x = torch.randn(3, 2, 20, 263, generator=torch.Generator().manual_seed(0))
    weight = torch.full((2, 20), 1 / 40)
    together = rank.rank(denoiser, x, weight, Streams([1, 2, 3]), 30.0, CALM)
    alone = rank.rank(denoiser, x[1:2], weight, Streams([2]), 30.0, CALM)
    assert together.shape == (3,) and bool(together.isfinite().all())
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-4)


def test_feet_that_stand_and_slide_are_noticed() -> None:
    """With a network that always answers the same standing figure, only the speed of the feet is left."""
    denoiser = weights.build(tiny_card())
    still = torch.zeros(1, 20, 263)
    still[..., 259:] = 1.0

    def always(x_t: Tensor, *_: Any) -> Tensor:
        return still.expand(len(x_t), -1, -1)

    denoiser.predict = always  # type: ignore[method-assign]
    slid = still.clone()
    slid[..., 1] = 0.01  # m per frame
    column = rank.NAMES.index("standing feet")
    answers = [rank.answers(denoiser, x, torch.zeros_like(x), 30.0)[0, column] for x in (still, slid)]
    assert float(answers[1] - answers[0]) == pytest.approx(0.3, rel=0.02)


def test_sampling_descends_densely_where_slow_coefficients_take_shape() -> None:
    denoiser = weights.build(tiny_card())
    levels = quality._descent(denoiser, 50)
    assert levels == sorted(set(levels), reverse=True) and levels[0] >= 997
    assert sum(level > 900 for level in levels) >= len(levels) / 3
    x = quality.sample(denoiser, 2, 20, steps=8)
    assert x.shape == (2, 20, 263) and bool(x.isfinite().all())
    torch.testing.assert_close(quality.sample(denoiser, 2, 20, steps=8), x)


def test_standing_feet_of_a_sample_are_made_to_stand() -> None:
    """A figure that stands in place while its root glides at 0.01 m per frame."""
    features = torch.zeros(1, 30, 263)
    features[..., 1], features[..., 193] = 0.01, 0.01
    features[..., 259:] = 1.0
    before, after = (quality.statistics(f, 30.0)["skate_mm"] for f in (features, quality.planted(features)))
    assert before == pytest.approx(10.0, rel=1e-3)
    assert after == pytest.approx(10.0 / (1 + 4 * quality._FOOT), rel=1e-2)
    features[..., 259:] = 0.0
    torch.testing.assert_close(quality.planted(features), features)


@given(st.integers(0, 5000), st.integers(1, 400), st.integers(0, 4000), st.integers(1, 1000))
def test_rate_stays_between_zero_and_the_setting(step: int, warmup: int, start: int, length: int) -> None:
    settings = MDMSettings(rate=2e-3, warmup=warmup)
    rate = loop.rate_at(step, settings, start, start + length)
    assert 0 <= rate <= 2e-3
    assert loop.rate_at(start + length, settings, start, start + length) == 0
    if warmup <= step < start:
        assert rate == 2e-3


def test_curves_are_drawn_from_the_log(tmp_path: Path) -> None:
    log, picture = tmp_path / "log.jsonl", tmp_path / "curves.png"
    log.write_text("")
    curves.draw(log, picture)
    assert not picture.exists()
    lines = [{"step": k, "seconds": k, "loss": 1 / (k + 1), "kl": 2.0} for k in range(5)]
    lines.append({"step": 5, "report": {"val": {"mse": {"0.1": 0.2}, "name": "x"}}})  # type: ignore[dict-item]
    log.write_text("\n".join(json.dumps(line) for line in lines))
    assert set(curves._panels(lines)) == {"training", "val/mse"}
    curves.draw(log, picture)
    assert picture.read_bytes().startswith(b"\x89PNG") and not list(tmp_path.glob("*.tmp*"))
