"""Weight files of HuMoR: what is read, and what is refused in one line."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.errors import BadInput, MissingResource
from diffopt_priors.cards import HUMOR_WEIGHTS
from diffopt_priors.humor import weights
from diffopt_priors.humor.network import HuMoR
from diffopt_priors.train.commands import import_humor
from diffopt_priors.train.humor.trainer import hidden
from humor_cases import tiny_file, tiny_model
from safetensors.torch import load_file, save_file


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tiny_file(tmp_path)


def test_saved_weights_are_loaded(tiny: Path) -> None:
    model, card = weights.load(HUMOR_WEIGHTS.resolve(str(tiny)))
    assert card["model"] == "humor" and not any(p.requires_grad for p in model.parameters())
    for key, value in tiny_model().state_dict().items():
        torch.testing.assert_close(model.state_dict()[key], value, rtol=1e-3, atol=1e-3)


def test_a_published_checkpoint_works_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny_model()
    state = model.state_dict() | {"male_bm.v_template": torch.zeros(3), "smpl_zeros": torch.zeros(1)}
    path = tmp_path / "best_model.pth"
    torch.save({"model": state, "epoch": 3, "min_val_loss": np.float64(0.5), "optim": {"state": {}}}, path)
    loaded, card = weights.load(HUMOR_WEIGHTS.resolve(str(path)))
    assert card["fps"] == 30.0 and card["root_offset"][1] < -0.1 and "AMASS" in card["terms"][0]
    past, z = torch.randn(3, 339), torch.randn(3, 48)
    torch.testing.assert_close(loaded.change(z, past), model.change(z, past))
    torch.save({f"module.{key}": value for key, value in model.state_dict().items()}, path)  # bare, in parallel
    torch.testing.assert_close(weights.load(path)[0].change(z, past), model.change(z, past))
    import_humor(path, tmp_path / "mine.safetensors")
    imported, card = weights.load(HUMOR_WEIGHTS.resolve(str(tmp_path / "mine.safetensors")))
    assert card["name"] == "mine" and "AMASS" in card["terms"][0]
    torch.testing.assert_close(imported.change(z, past), model.change(z, past), rtol=0.01, atol=0.01)


def test_absent_weights_say_what_and_where(tmp_path: Path) -> None:
    with pytest.raises(MissingResource, match=r"humor_nope\.safetensors.*diffopt train humor.*davrempe/humor"):
        HUMOR_WEIGHTS.resolve("nope")
    with pytest.raises(MissingResource, match=r"best\.pth not found"):
        HUMOR_WEIGHTS.resolve(str(tmp_path / "best.pth"))
    (tmp_path / "a.safetensors").touch()
    with pytest.raises(MissingResource, match=r"a\.json not found"):
        HUMOR_WEIGHTS.resolve(str(tmp_path / "a.safetensors"))


def test_truncated_files_are_refused(tiny: Path, tmp_path: Path) -> None:
    tiny.write_bytes(tiny.read_bytes()[:1000])
    with pytest.raises(BadInput, match=r"tiny\.safetensors: file: .*truncated.*diffopt train humor"):
        weights.load(tiny)
    path = tmp_path / "model.pth"
    torch.save({"model": tiny_model().state_dict()}, path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BadInput, match=r"model\.pth.*davrempe/humor"):
        weights.load(path)


class _Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("pickled-code-ran",)


@pytest.mark.parametrize("bare", [True, False])
def test_pickled_code_is_not_run(bare: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pth"
    if bare:
        path.write_bytes(pickle.dumps({"model": _Code()}))
    else:
        torch.save({"model": tiny_model().state_dict(), "extra": _Code()}, path)
    with pytest.raises(BadInput, match=r"model\.pth.*(mkdir|code)"):
        weights.load(path)
    assert not (tmp_path / "pickled-code-ran").exists()


def _changed(path: Path, **tensors: torch.Tensor | None) -> None:
    state = load_file(path)
    for key, value in tensors.items():
        name = key.replace("__", ".")
        state.pop(name, None)
        if value is not None:
            state[name] = value
    save_file(state, path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("decoder.net.0.weight", torch.zeros(32, 300), r"decoder\.net\.0\.weight: has shape \[32, 300\].*387"),
        ("prior_net.net.3.weight", torch.zeros(32, 48), r"prior_net\.net\.3\.weight"),
        ("encoder.net.0.weight", torch.zeros(20, 678), r"hidden widths \[20"),
        ("prior_net.net.0.weight", None, r"prior_net\.net\.0\.weight: missing"),
        ("decoder.net.4.bias", None, r"missing keys.*decoder\.net\.4\.bias"),
        ("decoder.net.4.bias", torch.full((32,), float("nan")), r"not finite.*decoder\.net\.4\.bias"),
        ("seqTransEncoder.x", torch.zeros(1), r"unexpected keys.*seqTransEncoder"),
    ],
)
def test_weights_of_another_shape_are_refused(tiny: Path, key: str, value: torch.Tensor | None, said: str) -> None:
    _changed(tiny, **{key.replace(".", "__"): value})
    with pytest.raises(BadInput, match=said) as caught:
        weights.load(tiny)
    assert "davrempe/humor" in str(caught.value) and "\n" not in str(caught.value)


def test_weights_of_another_prior_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"embed_text.weight": torch.zeros(2)}, path)
    path.with_suffix(".json").write_text('{"format": 1, "network": {}}')
    with pytest.raises(BadInput, match=r"other\.json: model: is .*expected 'humor'"):
        weights.load(path)
    torch.save({"embed_text.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(BadInput, match=r"encoder\.net\.0\.weight: missing.*embed_text"):
        weights.load(tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(BadInput, match=r"list\.pth"):
        weights.load(tmp_path / "list.pth")


@pytest.mark.parametrize("text", ["{", "[]", '{"model": "humor", "format": 9}', '{"model": "humor", "format": 1}'])
def test_broken_cards_are_refused(tiny: Path, text: str) -> None:
    tiny.with_suffix(".json").write_text(text)
    with pytest.raises(BadInput, match=r"tiny\.json"):
        weights.load(tiny)


def test_the_shipped_weights_are_small_and_say_what_they_are() -> None:
    path = HUMOR_WEIGHTS.resolve("open")
    model, card = weights.load(path)
    assert path.stat().st_size < 8e6
    assert isinstance(model, HuMoR) and model.hidden == hidden(card["settings"]["width"])
    assert not any("bnr" in name for name in card["training_files"])
    assert any("mocap.cs.cmu.edu" in text for text in card["terms"])
    assert any("100STYLE" in text for text in card["terms"])
    assert "NC" not in json.dumps(card["terms"]) and card["report"]["cmu_val"]["auc"]["shuffled"] > 0.95
