"""Published checkpoints as they are: full-size layouts, wrapping, text, and what is said about wrong files."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_priors.configs import MDMConfig
from diffopt_priors.mdm import official, weights
from diffopt_priors.mdm.network import MDM, TextGuided, read_embedding
from goldens import HERE, Arrays, golden
from prior_cases import Streams, context, mdm_of, motion, rest_joints, scene, tiny_card
from torch import Tensor

data = golden("mdm_small.npz")

TEXT, PLAIN = "humanml_trans_enc_512", "humanml_trans_enc_512_unconditional"


def _listing() -> dict[str, Any]:
    return json.loads((HERE / "mdm_large_keys.json").read_text())["models"]


def _full(name: str, seed: int = 0) -> dict[str, Tensor]:
    """A random state with the published names and shapes."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {key: shape for key, (shape, _) in _listing()[name].items()}
    return {k: 0.02 * torch.randn(s, generator=generator) + ("norm" in k and "weight" in k) for k, s in shapes.items()}


def _small(text: bool = True, seed: int = 2) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    state = MDM(width=16, layers=2, heads=4, feedforward=24, text=text).state_dict()
    return {**state, "sequence_pos_encoder.pe": torch.zeros(5000, 1, 16), "clip_model.x": torch.zeros(1)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a published model lies: args.json, and the statistics."""
    (tmp_path / "args.json").write_text('{"diffusion_steps": 50, "arch": "trans_enc", "dataset": "humanml"}')
    np.save(tmp_path / "Mean.npy", np.zeros(263, np.float32))
    np.save(tmp_path / "Std.npy", np.ones(263, np.float32))
    return tmp_path


@pytest.fixture
def small(folder: Path) -> Path:
    path = folder / "model000475000.pt"
    torch.save(_small(), path)
    return path


def _build(path: Path, stats: Path | None = None, **options: Any) -> Any:
    pose, trans = motion(2, 45)
    ctx = context(pose, trans, Streams([1, 2]), rest=rest_joints()[None].expand(2, -1, -1))
    stats = stats or path.parent
    return MDMConfig(weights=str(path), stats=str(stats), **options).build(ctx)


@pytest.mark.parametrize(("name", "wrap", "steps"), [(TEXT, True, 50), (TEXT, False, 1000), (PLAIN, False, 1000)])
def test_full_size_checkpoints_load_unchanged(folder: Path, name: str, wrap: bool, steps: int) -> None:
    state = _full(name)
    average = _full(name, seed=1) if wrap else state
    path = folder / "model000475000.pt"
    torch.save({"model": state, "model_avg": average} if wrap else state, path)
    args = {"diffusion_steps": steps, "latent_dim": 512, "layers": 8, "arch": "trans_enc", "noise_schedule": "cosine"}
    (folder / "args.json").write_text(json.dumps(args | {"mask_frames": True, "cond_mask_prob": 0.1}))
    denoiser, card = official.load(path, folder)
    assert card["network"] | {"heads": 4, "layers": 8, "width": 512, "feedforward": 1024} == card["network"]
    assert card["network"]["text"] == (name == TEXT) and denoiser.steps == steps and card["fps"] == 20
    loaded = denoiser.network.state_dict()
    assert all(torch.equal(value, average[key]) for key, value in loaded.items())
    assert set(average) - set(loaded) == {k for k in average if k.endswith(".pe")}
    x, t = torch.randn(1, 9, 263), torch.tensor([7])
    assert denoiser.predict(x, t, t).isfinite().all()


def test_the_prior_takes_a_checkpoint_directly(small: Path) -> None:
    pose, trans = motion(2, 45)
    trans = trans.requires_grad_()
    prior = _build(small)
    value = prior(scene(pose, trans))
    value.sum().backward()
    assert prior.official and prior.resample.frames == 29
    assert trans.grad is not None and trans.grad.isfinite().all() and trans.grad.abs().sum() > 0
    official.convert(small, small.parent, small.parent / "mine.safetensors")
    ctx = context(pose, trans, Streams([1, 2]), rest=rest_joints()[None].expand(2, -1, -1))
    converted = MDMConfig(weights=str(small.parent / "mine.safetensors")).build(ctx)
    assert torch.equal(converted(scene(pose, trans)), value)


def test_one_noise_level_is_all_they_know(small: Path) -> None:
    with pytest.raises(DiffOptError, match=r"root_timesteps: .*only one noise level"):
        _build(small, root_timesteps=(0.9, 1.0))


def test_a_bare_name_with_an_ending_is_a_file(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.parent)
    assert _build(Path(small.name), stats=small.parent).official


def test_the_schedule_may_come_from_settings(small: Path) -> None:
    (small.parent / "args.json").unlink()
    with pytest.raises(BadInput, match=r"args\.json: diffusion_steps: not found.*prior\.diffusion_steps=1000"):
        _build(small)
    assert _build(small, diffusion_steps=1000).denoiser.steps == 1000


def test_text_guidance_is_the_official_one_in_one_forward(data: Arrays) -> None:
    network = mdm_of(data, "text")
    x, t = data["x"].squeeze(2).mT, data["timesteps"]
    calls = []
    network.register_forward_hook(lambda *_: calls.append(1))
    text = data["text_embed"][0]
    with torch.no_grad():
        for i, scale in enumerate(data["cfg_scale"].tolist()):
            row = slice(i, i + 1)
            guided = TextGuided(network, text[i], scale)(x[row], t[row])
            torch.testing.assert_close(guided, data["text/out_cfg"][row].squeeze(2).mT, rtol=1e-4, atol=1e-4)
        assert len(calls) == len(x)
        many = TextGuided(network, text[0], 2.5)(x, t)
        told, untold = (network(x, t, text=text[:1].expand(len(x), -1) * on) for on in (1.0, 0.0))
        torch.testing.assert_close(many, untold + 2.5 * (told - untold), rtol=1e-4, atol=1e-4)


def test_text_embedding_is_a_setting(small: Path) -> None:
    pose, trans = motion(2, 45)
    file = small.parent / "text.npy"
    np.save(file, np.random.default_rng(0).normal(size=(1, 512)).astype(np.float32))
    values = [
        _build(small, **options)(scene(pose, trans))
        for options in ({}, {"text_embedding": str(file), "text_scale": 0}, {"text_embedding": str(file)})
    ]
    torch.testing.assert_close(values[0], values[1])
    assert not torch.allclose(values[0], values[2])


@pytest.mark.parametrize("content", ["absent", "short", "matrix", "text", "nan", "garbage", "pickled"])
def test_bad_text_embeddings_are_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "text.npy"
    good = np.zeros(512, np.float32)
    arrays = {"short": good[:511], "matrix": np.zeros((2, 256)), "text": np.array(["walk"] * 512), "nan": good + np.nan}
    if content in arrays:
        np.save(path, arrays[content])
    elif content == "pickled":
        np.save(path, np.array([{}] * 512), allow_pickle=True)
    elif content == "garbage":
        path.write_bytes(b"walk")
    with pytest.raises(DiffOptError, match=r"text\.npy.*512 numbers: the CLIP") as caught:
        read_embedding(path)
    assert "\n" not in str(caught.value)


def test_text_needs_a_text_model(folder: Path) -> None:
    torch.save(_small(text=False), folder / "model.pt")
    np.save(folder / "text.npy", np.zeros(512))
    with pytest.raises(DiffOptError, match=r"prior\.text_embedding: weights .*model\.pt' were trained without text"):
        _build(folder / "model.pt", text_embedding=str(folder / "text.npy"))


def test_settings_of_checkpoints_are_refused_elsewhere(tmp_path: Path) -> None:
    card = tiny_card()
    path = tmp_path / "tiny.safetensors"
    weights.save(path, weights.build(card).state_dict(), card)
    pose, trans = motion(1, 20)
    for options in ({"stats": "."}, {"diffusion_steps": 50}):
        with pytest.raises(DiffOptError, match=rf"prior\.{next(iter(options))}: belongs to published checkpoints"):
            MDMConfig(weights=str(path), **options).build(context(pose, trans, Streams([0])))


def _without(state: dict[str, Tensor], *keys: str) -> dict[str, Tensor]:
    return {k: v for k, v in state.items() if k not in keys}


LAYER = "seqTransEncoder.layers.1.linear2"
WRONG: dict[str, tuple[Callable[[dict[str, Tensor]], Any], str]] = {
    "missing": (lambda s: _without(s, f"{LAYER}.bias"), rf"missing keys \(1\): {LAYER}\.bias;"),
    "many missing": (lambda s: {k: v for k, v in s.items() if "norm" not in k}, r"missing keys \(8\): .* and 5 more"),
    "surplus": (lambda s: s | {"extra.weight": torch.zeros(2)}, r"unexpected keys \(1\): extra\.weight"),
    "shape": (
        lambda s: s | {f"{LAYER}.bias": torch.zeros(7)},
        rf"wrong shapes \(1\): {LAYER}\.bias is \[7\], expected",
    ),
    "no tensor": (lambda s: s | {f"{LAYER}.bias": 3}, rf"not tensors \(1\): {LAYER}\.bias"),
    "not finite": (lambda s: s | {f"{LAYER}.bias": torch.full((16,), torch.nan)}, rf"not finite \(1\): {LAYER}\.bias"),
    "features": (
        lambda s: s | {"input_process.poseEmbedding.weight": torch.zeros(16, 251)},
        r"poseEmbedding\.weight: takes 251 channels, expected 263 \(KIT-ML",
    ),
    "text": (lambda s: s | {"embed_text.weight": torch.zeros(16, 768)}, r"embed_text\.weight is \[16, 768\], .* 512"),
    "decoder": (
        lambda s: {k.replace("Encoder", "Decoder"): v for k, v in s.items()},
        r"seqTransDecoder: is not the 'trans_enc' that args\.json says",
    ),
    "target": (lambda s: s | {"embed_target_cond.mlp.0.bias": torch.zeros(1)}, r"a target-conditioned model"),
    "gru": (lambda s: s | {"gru.weight_ih_l0": torch.zeros(1)}, r"gru\.weight_ih_l0: this is a recurrent network"),
    "action": (lambda s: s | {"embed_action.action_embedding": torch.zeros(1)}, r"an action-conditioned model"),
    "other": (lambda s: {"a": torch.zeros(1), "b": torch.zeros(1)}, r"no transformer here \(keys: a, b\)"),
    "wrapped other": (lambda s: {"model": 3}, r"model: is a int, expected a dictionary"),
    "list": (lambda s: [1, 2], r"holds an object of type list"),
    "empty": (lambda s: {}, r"holds nothing"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_checkpoints_that_do_not_match_say_which_keys(folder: Path, case: str) -> None:
    change, message = WRONG[case]
    path = folder / "model.pt"
    torch.save(change(_small()), path)
    with pytest.raises(BadInput, match=message) as caught:
        _build(path)
    assert "\n" not in str(caught.value) and "model.pt" in str(caught.value)
    assert "github.com/GuyTevet/motion-diffusion-model" in str(caught.value)


@pytest.mark.parametrize("wrap", ["ema", "module."])
def test_the_decoder_of_fifty_steps_loads_unchanged(folder: Path, wrap: str) -> None:
    state = _full("humanml_trans_dec_512_bert")
    other = {key: torch.zeros_like(value) for key, value in state.items()}
    held = {"model": other, "model_avg": state} if wrap == "ema" else {wrap + key: v.half() for key, v in state.items()}
    torch.save(held, folder / "model.pt")
    args = {"diffusion_steps": 50, "arch": "trans_dec", "text_encoder_type": "bert", "emb_trans_dec": False}
    (folder / "args.json").write_text(json.dumps(args | {"dataset": "humanml", "mask_frames": True}))
    denoiser, card = official.load(folder / "model.pt", folder)
    assert denoiser.steps == 50 and card["network"]["decoder"] and card["network"]["text_dim"] == 768
    loaded = denoiser.network.state_dict()
    assert all(torch.allclose(value, state[key], atol=1e-3) for key, value in loaded.items())
    text = folder / "text.npy"
    np.save(text, np.random.default_rng(0).normal(size=(1, 6, 768)).astype(np.float32))
    x, t = torch.randn(1, 9, 263), torch.tensor([7])
    guided = TextGuided(denoiser.network, read_embedding(text, 768), 1.0)
    assert not torch.allclose(guided(x, t), denoiser.network(x, t))
    np.save(text, np.zeros(512))
    with pytest.raises(
        BadInput, match=r"text\.npy: text_embedding: has shape \(512,\); expected a \.npy \(tokens, 768\)"
    ):
        read_embedding(text, 768)


class _Code:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return open, ("ran.txt", )  # fmt: skip


def _damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "short":
        path.write_bytes(whole[:-30])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "garbage":
        path.write_bytes(bytes(range(256)) * 8)
    elif how == "page":
        path.write_text("<!DOCTYPE html><html>Sign in</html>")
    elif how == "pointer":
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    elif how == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.txt", "weights")
    elif how == "code":
        torch.save({"model": _Code()}, path)
    elif how == "old code":
        path.write_bytes(pickle.dumps({"model": _Code()}))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("truncated", "is cut off"),
        ("short", "is cut off"),
        ("empty", "is empty"),
        ("garbage", "cannot be read"),
        ("page", "a web page"),
        ("pointer", "Git LFS pointer"),
        ("zip", "neither numpy's .* nor torch's"),
        ("code", "wants 'io.open'.*not run and is refused"),
        ("old code", "wants 'io.open'.*not run and is refused"),
    ],
)
def test_damaged_and_foreign_files_are_named(
    small: Path, how: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small.parent)
    _damage(small, how)
    with pytest.raises(BadInput, match=message) as caught:
        _build(small)
    text = str(caught.value)
    assert "\n" not in text and "model000475000.pt" in text and "github.com/GuyTevet" in text
    assert not Path("ran.txt").exists()


def test_absent_files_say_where_they_come_from(small: Path) -> None:
    with pytest.raises(MissingResource, match=r"nowhere\.pt not found.*github\.com/GuyTevet/motion-diffusion-model"):
        _build(small.with_name("nowhere.pt"))
    with pytest.raises(DiffOptError, match=r"prior\.stats: .*Mean\.npy and Std\.npy.*EricGuo5513/HumanML3D"):
        official.load(small, None)
    (small.parent / "Std.npy").unlink()
    with pytest.raises(MissingResource, match=r"prior\.stats: .*Std\.npy not found.*github\.com/EricGuo5513/HumanML3D"):
        _build(small)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("arch", "gru", "'gru', expected 'trans_enc' or 'trans_dec'"),
        ("arch", "trans_dec", r"model000475000\.pt: seqTransEncoder: is not the 'trans_dec' that args\.json says"),
        ("context_len", 20, r"args\.json: context_len: is 20: this model \(DiP\) continues given frames"),
        ("text_encoder_type", "t5", "'t5', expected 'clip' or 'bert'"),
        ("dataset", "kit", "'kit', expected 'humanml'"),
        ("latent_dim", 512, "is 16 wide, but args.json has latent_dim 512"),
        ("layers", 3, r"missing keys \(12\): seqTransEncoder.layers.2"),
        ("layers", 1, r"unexpected keys \(12\): seqTransEncoder.layers.1"),
        ("layers", "two", "expected a positive whole number"),
        ("layers", 2**40, "expected at most 256"),
        ("diffusion_steps", 0, "expected a positive whole number"),
        ("diffusion_steps", 2**70, "expected at most 65536"),
        ("noise_schedule", "sigmoid", "expected one of cosine, linear"),
    ],
)
def test_args_that_contradict_are_named(small: Path, key: str, value: object, message: str) -> None:
    (small.parent / "args.json").write_text(json.dumps({"diffusion_steps": 50} | {key: value}))
    with pytest.raises(BadInput, match=message) as caught:
        _build(small)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["Mean.npy", "Std.npy"])
@pytest.mark.parametrize("values", [np.zeros(251), np.full(263, np.nan), np.array(["a"] * 263), None])
def test_bad_statistics_are_named(small: Path, name: str, values: np.ndarray | None) -> None:
    if values is None:
        (small.parent / name).write_bytes(b"\x93NUMPY")
    else:
        np.save(small.parent / name, values)
    with pytest.raises(BadInput, match=rf"{name}: .*github\.com/EricGuo5513/HumanML3D"):
        _build(small)


def test_a_deviation_of_zero_is_refused(small: Path) -> None:
    np.save(small.parent / "Std.npy", np.zeros(263))
    with pytest.raises(BadInput, match=r"Std\.npy: values: .*positive"):
        _build(small)
