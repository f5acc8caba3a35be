"""The pose prior's weights: golden numbers of both published editions, and every file that cannot be used."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.errors import BadInput, MissingResource
from diffopt_priors.train.vposer import kl_to_standard
from diffopt_priors.vposer import weights
from diffopt_priors.vposer.network import JOINTS, Edition, VPoser, to_axis_angle
from goldens import Arrays, golden
from vposer_cases import Code, foreign, network, published
from vposer_twin import TWINS

v1, v2 = (golden(f"vposer_{edition}.npz", twin=TWINS[edition]) for edition in ("v1", "v2"))

EDITIONS: tuple[Edition, ...] = ("v1", "v2")


def same(a: VPoser, b: VPoser) -> None:
    """Both networks compute the same."""
    poses = 0.3 * torch.randn(5, JOINTS, 3, generator=torch.Generator().manual_seed(3))
    for left, right in zip(a.encode(poses), b.encode(poses), strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=0)
    z = torch.randn(5, a.latent, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(a.decode(z), b.decode(z), rtol=0, atol=0)


def agrees_with_the_published_code(tmp_path: Path, edition: Edition, arrays: Arrays) -> None:
    path = tmp_path / "snapshot.pt"
    torch.save({k.removeprefix("sd/"): v for k, v in arrays.items() if k.startswith("sd/")}, path)
    made, _ = weights.load(weights.resolve(str(path)))
    assert made.edition == edition
    mean, std = made.encode(arrays["pose_body"].unflatten(-1, (JOINTS, 3)))
    torch.testing.assert_close(mean, arrays["enc_mean"], rtol=1e-5, atol=5e-6)
    torch.testing.assert_close(std, arrays["enc_std"], rtol=1e-5, atol=5e-6)
    decoded = made.decode(arrays["z"])
    torch.testing.assert_close(decoded.flatten(-2), arrays["decode_matrot"], rtol=0, atol=1e-4)
    torch.testing.assert_close(to_axis_angle(decoded), arrays["decode_aa"], rtol=0, atol=2e-4)
    if edition == "v2":
        torch.testing.assert_close(made.decode(mean).flatten(-2), arrays["recon_matrot"], rtol=0, atol=1e-4)
        divergence = kl_to_standard(mean, std).sum(-1)
        torch.testing.assert_close(divergence, arrays["kl_to_std_normal"], rtol=1e-5, atol=1e-4)


def test_the_first_edition_agrees_with_the_published_code(tmp_path: Path, v1: Arrays) -> None:
    agrees_with_the_published_code(tmp_path, "v1", v1)


def test_the_second_edition_agrees_with_the_published_code(tmp_path: Path, v2: Arrays) -> None:
    agrees_with_the_published_code(tmp_path, "v2", v2)


def test_axis_angle_at_every_angle() -> None:
    generator = torch.Generator().manual_seed(0)
    axis = torch.nn.functional.normalize(torch.randn(200, 3, generator=generator), dim=-1)
    for angle in (0.0, 1e-6, 1e-3, 0.5, 2.0, 3.1, 3.14159):
        matrix = axis_angle_to_matrix(axis * angle).requires_grad_(True)
        found = to_axis_angle(matrix)
        torch.testing.assert_close(axis_angle_to_matrix(found), matrix, rtol=0, atol=2e-6)
        found.square().sum().backward()
        assert matrix.grad is not None and matrix.grad.isfinite().all(), angle


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_bare_state_and_one_under_a_prefix_are_the_same(tmp_path: Path, edition: Edition) -> None:
    made = network(edition)
    state = published(made)
    files: dict[str, object] = {
        "bare.pt": state,
        "parallel.pt": {f"module.{k}": v for k, v in state.items()},
        "framework.ckpt": {"state_dict": {f"vp_model.{k}": v for k, v in state.items()} | {"bm.x": torch.zeros(2)}},
    }
    for name, content in files.items():
        torch.save(content, tmp_path / name)
        same(weights.load(weights.resolve(str(tmp_path / name)))[0], made)
    torch.save(state, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    same(weights.load(tmp_path / "old.pt")[0], made)


def test_a_training_frameworks_checkpoint_loads_without_that_framework(tmp_path: Path) -> None:
    made, path = network("v2"), tmp_path / "V02_05" / "snapshots" / "V02_05_epoch=13_val_loss=0.03.ckpt"
    path.parent.mkdir(parents=True)
    with foreign("omegaconf.dictconfig", "DictConfig") as config, foreign("lightning.tools", "Bag", dict) as bag:
        settings = config()
        settings.__dict__["content"] = {"lr": 1e-3, "path": Path("data")}
        content = {
            "epoch": 13,
            "state_dict": {f"vp_model.{k}": v for k, v in published(made).items()},
            "hyper_parameters": bag(width=512, parts=bag(a=[1, 2])),
            "namespace": argparse.Namespace(config=settings, batch=128),
            "callbacks": {config: {"best": torch.tensor(0.03)}},
            "optimizer_states": [{"state": {}, "param_groups": []}],
        }
        torch.save(content, path)
        torch.save({"epoch": 8}, path.with_name("V02_05_epoch=8_val_loss=0.03.ckpt"))
    same(weights.load(weights.resolve(str(tmp_path / "V02_05")))[0], made)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("function", [eval, os.system], ids=["eval", "system"])
def test_code_is_refused_and_not_run(tmp_path: Path, function: Callable[[str], object], legacy: bool) -> None:
    path, trace = tmp_path / "evil.ckpt", tmp_path / "trace"
    call = f"open({str(trace)!r}, 'w')" if function is eval else f"touch {trace}"
    torch.save(
        {"state_dict": published(network()), "x": Code(function, call)}, path, _use_new_zipfile_serialization=not legacy
    )
    with pytest.raises(BadInput, match=r"evil\.ckpt: .*not run and is refused.*smpl-x\.is\.tue\.mpg\.de"):
        weights.load(path)
    assert not trace.exists()


def _of_another_model(path: Path) -> None:
    torch.save({"seqTransEncoder.layers.0.norm1.weight": torch.zeros(4)}, path)


def _narrow(path: Path) -> None:
    torch.save(published(network("v2")) | {"encoder_net.2.weight": torch.zeros(256, 63)}, path)


def _with_hands(path: Path) -> None:
    torch.save(published(network("v1")) | {"bodyprior_enc_bn1.weight": torch.zeros(69)}, path)


def _incomplete(path: Path) -> None:
    torch.save({k: v for k, v in published(network("v1")).items() if "dec_fc2" not in k}, path)


def _not_finite(path: Path) -> None:
    torch.save(published(network("v2")) | {"decoder_net.5.bias": torch.full((126,), torch.nan)}, path)


def _truncated(path: Path) -> None:
    torch.save(published(network("v2")), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _truncated_legacy(path: Path) -> None:
    torch.save(published(network("v1")), path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:100_000])


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_of_another_model, "seqTransEncoder.* neither VPoser v1"),
        (_narrow, r"encoder_net\.2\.weight is \[256, 63\], expected \[512, 63\]"),
        (_with_hands, r"bodyprior_enc_bn1\.weight is \[69\], expected \[63\]"),
        (_incomplete, r"missing keys \(2\): bodyprior_dec_fc2\.weight"),
        (_not_finite, r"not finite \(1\): decoder_net\.5\.bias"),
        (_truncated, "cut off"),
        (_truncated_legacy, "cannot be read"),
        (lambda path: path.write_text("hello"), "cannot be read"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: torch.save(torch.zeros(3), path), "ndarray; expected a dictionary"),
        (lambda path: torch.save({"state_dict": [1]}, path), "holds a list"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, write: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "broken.pt"
    write(path)
    with pytest.raises(BadInput, match=rf"(?s)broken\.pt: .*{words}") as caught:
        weights.load(weights.resolve(str(path)))
    assert "\n" not in str(caught.value) and "smpl-x.is.tue.mpg.de" in str(caught.value)


@pytest.mark.parametrize("name", ["nope", "absent/vposer.safetensors", "absent/snapshots/TR00_E096.pt", "FOLDER"])
def test_absent_weights_say_where_they_come_from(tmp_path: Path, name: str) -> None:
    given = str(tmp_path) if name == "FOLDER" else name
    with pytest.raises(MissingResource, match=r"vposer.*diffopt train vposer.*smpl-x\.is\.tue\.mpg\.de"):
        weights.resolve(given)


def test_own_weights_come_back(tmp_path: Path) -> None:
    made, path = network("v2"), tmp_path / "own" / "mine.safetensors"
    weights.export(path, made, {"terms": ["none"]})
    found, card = weights.load(weights.resolve(str(path)))
    assert card["name"] == "mine" and card["terms"] == ["none"]
    for own, value in found.state_dict().items():
        if not own.endswith("num_batches_tracked"):
            torch.testing.assert_close(value, made.state_dict()[own], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("{", r"mine\.json: JSON: cannot be read .*card of the weights"),
        ('{"kind": "mdm"}', r"mine\.json: kind: "),
        ('{"kind": "vposer", "format": 99}', r"mine\.json: format: is 99"),
        ('{"kind": "vposer", "format": 1, "network": {"wide": 1}}', r"mine\.json: network: "),
        (
            '{"kind": "vposer", "format": 1, "network": {"edition": "v3"}}',
            r"mine\.json: (network|v3): ",
        ),
        (
            '{"kind": "vposer", "format": 1, "network": {"edition": "v2", "width": 256}}',
            r"mine\.safetensors: network: ",
        ),
    ],
)
def test_broken_cards_are_named(tmp_path: Path, card: str, words: str) -> None:
    path = tmp_path / "mine.safetensors"
    weights.export(path, network("v2"), {})
    path.with_suffix(".json").write_text(card)
    with pytest.raises(BadInput, match=words) as caught:
        weights.load(path)
    assert "\n" not in str(caught.value)


def test_broken_safetensors_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    weights.export(path, network("v2"), {})
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadInput, match=r"mine\.safetensors: file"):
        weights.load(path)


def test_shipped_weights_are_small_and_documented() -> None:
    path = weights.resolve("open")
    made, card = weights.load(path)
    assert path.stat().st_size < 3_000_000 and made.settings() == {"edition": "v2", "width": 512, "latent": 32}
    assert not any("bnr" in name for name in card["training_files"])
    terms = " ".join(card["terms"])
    assert "mocap.cs.cmu.edu" in terms and "CC BY 4.0" in terms and "non-commercial" not in terms
    assert {"settings", "report", "step", "validation_files", "augmentation"} <= set(card)
    assert card["report"]["cmu_val/reconstruction"]["degrees"] < 8
    assert json.loads(path.with_suffix(".json").read_text()) == card
