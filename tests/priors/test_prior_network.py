"""The transformer against the official implementation."""

from __future__ import annotations

import json

import pytest
import torch
from diffopt_priors.mdm.network import MDM, sinusoidal_table
from goldens import HERE, Arrays, golden
from prior_cases import mdm_of

data = golden("mdm_small.npz")
decoders = golden("mdm_decoder.npz")


def _frames(x: torch.Tensor) -> torch.Tensor:
    """(B, 263, 1, T) -> (B, T, 263)."""
    return x.squeeze(2).mT


def test_table_is_the_official_one(data: Arrays) -> None:
    table = data["pe_first256"]
    torch.testing.assert_close(sinusoidal_table(*table.shape), table, rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", ["uncond", "text"])
@pytest.mark.parametrize("gradient", [False, True])
def test_output_and_its_gradient_agree(data: Arrays, kind: str, gradient: bool) -> None:
    network = mdm_of(data, kind)
    x = _frames(data["x"]).requires_grad_(gradient)
    text = data["text_embed"][0] if kind == "text" else None
    with torch.set_grad_enabled(gradient):
        out = network(x, data["timesteps"], text=text)
    torch.testing.assert_close(out, _frames(data[f"{kind}/out"]), rtol=1e-5, atol=2e-5)
    if gradient:
        (vjp,) = torch.autograd.grad(out, x, _frames(data["grad_out"]))
        torch.testing.assert_close(vjp, _frames(data[f"{kind}/vjp_x"]), rtol=1e-4, atol=2e-5)


def test_time_token_and_single_frame_agree(data: Arrays) -> None:
    plain, text = mdm_of(data, "uncond"), mdm_of(data, "text")
    x, t = _frames(data["x"]), data["timesteps"]
    close = {"rtol": 1e-5, "atol": 2e-5}
    with torch.no_grad():
        token = plain.embed_timestep.time_embed(plain.table[t])
        torch.testing.assert_close(token, data["uncond/time_emb"], **close)
        one = plain(x[:1, :1], t[-1:])
        torch.testing.assert_close(one, _frames(data["uncond/out_single_frame"]), **close)
        torch.testing.assert_close(text(x, t), _frames(data["text/out_uncond"]), **close)


@pytest.mark.parametrize(
    ("name", "text"), [("humanml_trans_enc_512", True), ("humanml_trans_enc_512_unconditional", False)]
)
def test_full_size_names_and_shapes(name: str, text: bool) -> None:
    listing = json.loads((HERE / "mdm_large_keys.json").read_text())
    official = {
        key: tuple(shape)
        for key, (shape, _) in listing["models"][name].items()
        if key not in listing["ignored_at_load"]
    }
    with torch.device("meta"):
        ours = {key: tuple(value.shape) for key, value in MDM(text=text).state_dict().items()}
    assert ours == official


@pytest.mark.parametrize(
    ("kind", "args"),
    [("clip", {"emb_trans_dec": True}), ("bert", {"text_encoder_type": "bert"}), ("concat", {"emb_policy": "concat"})],
)
def test_decoders_agree(decoders: Arrays, kind: str, args: dict[str, object]) -> None:
    """The text as upstream gives it: one row of CLIP, rows of DistilBERT's tokens; and without it."""
    network = mdm_of(decoders, kind, arch="trans_dec", **args)
    x, t = _frames(decoders[f"{kind}/x"]), decoders[f"{kind}/t"]
    with torch.no_grad():
        told = network(x, t, text=decoders[f"{kind}/text"].transpose(0, 1))
        untold = network(x, t)
    torch.testing.assert_close(told, _frames(decoders[f"{kind}/told"]), rtol=1e-5, atol=2e-5)
    torch.testing.assert_close(untold, _frames(decoders[f"{kind}/untold"]), rtol=1e-5, atol=2e-5)
