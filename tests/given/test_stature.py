"""A height that the user knows becomes a shape."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.errors import DiffOptError
from diffopt_core.parts.bodies.anny24 import load
from diffopt_core.perception.stature import metres, of_height, stature, with_height
from diffopt_core.types import CameraFrameBody


def body(**changes) -> CameraFrameBody:
    still = torch.eye(3).expand(4, 24, 3, 3)
    fields = {"transl": torch.tensor([[0.0, 0.0, 4.0]] * 4), "betas": torch.zeros(10), "betas_of": "smpl", **changes}
    return CameraFrameBody(still[:, 0], still[:, 1:], **fields)


@pytest.mark.parametrize("height", [1.2, 1.55, 1.82, 2.05])
def test_the_shape_has_that_height_and_no_more(height: float) -> None:
    """The nearest one: every other shape of that height has larger betas."""
    model, betas = load(), of_height(load(), height)
    assert float(stature(model, betas[None])) == pytest.approx(height, abs=5e-3)
    turned = torch.linalg.qr(torch.randn(10, 10, generator=torch.Generator().manual_seed(0)))[0] @ betas
    assert abs(float(stature(model, turned[None])) - height) > abs(float(stature(model, betas[None])) - height)


def test_a_taller_person_stands_further_away(caplog) -> None:
    model = load()
    tall = with_height(body(), "190cm", model)
    mean = float(stature(model, torch.zeros(1, 10)))
    assert tall.betas_of == model.name and float(tall.transl[0, 2]) == pytest.approx(4 * 1.9 / mean, rel=5e-3)
    assert "--height 190cm" in tall.facts["shape"]
    shaped = body(betas=torch.ones(10))
    assert with_height(shaped, "1.9m", model) is shaped and "not used" in caplog.text


@pytest.mark.parametrize("text", ["1.82", "6ft", "-1m", "20m", "18cm", ""])
def test_what_is_no_height_is_refused(text: str) -> None:
    with pytest.raises(DiffOptError, match="--height"):
        metres(text)
