"""VPoser: v1 from a checkout of branch ``cvpr19``, v2 from any other."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
from upstream import Place, Row

ROW = Row(
    "VPoser",
    "github.com/nghorbani/human_body_prior (branch cvpr19 for v1)",
    ("torch", "omegaconf", "loguru"),
    replaced={"its training loop and body model": "train"},
    tolerance={"mean": 1e-5, "deviation": 1e-5, "matrices": 1e-5},
)
COUNT, WIDTH, LATENT = 7, 512, 32
#: What v1's training imports beside its network, and the names that it takes.
_TOOLS = ("human_body_prior.tools.omni_tools", "human_body_prior.tools.training_tools")
_NAMES = ("Configer", "copy2cpu", "makepath", "log2file", "EarlyStopping4Vposer", "EarlyStopping")


def _model(place: Place, seed: int) -> tuple[Any, bool]:
    """Upstream's class with batch statistics that are not those of a new network, and whether it is v1."""
    import torch

    first = (place.source / "human_body_prior" / "train" / "vposer_smpl.py").is_file()
    torch.manual_seed(seed)
    if first:
        for name in ("torchgeometry", "configer", *_TOOLS):
            sys.modules[name] = types.SimpleNamespace(**dict.fromkeys(_NAMES))
        sys.modules["human_body_prior.body_model.body_model"] = types.SimpleNamespace(BodyModel=None)
        sys.modules["human_body_prior.tools.visualization_tools"] = types.SimpleNamespace(imagearray2file=None)
        from human_body_prior.train.vposer_smpl import VPoser

        network = VPoser(num_neurons=WIDTH, latentD=LATENT, data_shape=[1, 21, 3])
    else:
        from human_body_prior.models.vposer_model import VPoser

        params = types.SimpleNamespace(num_neurons=WIDTH, latentD=LATENT)
        network = VPoser(types.SimpleNamespace(model_params=params))
    for name, buffer in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    return network.eval(), first


def _inputs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    return (draw.normal(0, 0.5, (COUNT, 63)).astype(np.float32), draw.normal(size=(COUNT, LATENT)).astype(np.float32))


def make(place: Place) -> None:
    """The published folder: the state (v1), or lightning's checkpoint with the body model of its training (v2)."""
    import torch
    from omegaconf import OmegaConf

    network, first = _model(place, place.seed)
    snapshots = place.folder / "model" / "snapshots"
    snapshots.mkdir(parents=True, exist_ok=True)
    for old in snapshots.iterdir():
        old.unlink()
    if first:
        torch.save(network.state_dict(), snapshots / "TR00_E096.pt")
        return
    state = {f"vp_model.{key}": value for key, value in network.state_dict().items()}
    state["bm_train.trans"] = torch.zeros(1, 3)
    config = OmegaConf.create({"model_params": {"num_neurons": WIDTH, "latentD": LATENT}})
    torch.save({"epoch": 13, "state_dict": state, "hyper_parameters": config}, snapshots / "V02_05_epoch=13.ckpt")
    OmegaConf.save(config, place.folder / "model" / "V02_05.yaml")


def theirs(place: Place) -> dict[str, np.ndarray]:
    import torch

    network, first = _model(place, place.seed + 1)  # other weights, which the checkpoint replaces
    file = next((place.folder / "model" / "snapshots").iterdir())
    if first:
        network.load_state_dict(torch.load(file))
    else:
        import os

        os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # it predates torch's refusal of other classes
        from human_body_prior.models.vposer_model import VPoser
        from human_body_prior.tools.model_loader import load_model

        network = load_model(
            str(place.folder / "model"), VPoser, remove_words_in_model_weights="vp_model.", comp_device="cpu"
        )[0]
    poses, codes = (torch.from_numpy(part) for part in _inputs(place.seed))
    with torch.no_grad():
        q, out = network.encode(poses), network.decode(codes)
    matrices = out if first else out["pose_body_matrot"]
    return {
        "mean": q.mean.numpy(), "deviation": q.scale.numpy(), "matrices": matrices.reshape(COUNT, 21, 3, 3).numpy(),
    }  # fmt: skip


def ours(place: Place) -> dict[str, np.ndarray]:
    """As the prior loads the folder; and the prior's contract on it, by ``diffopt plugins check``."""
    import torch
    from diffopt_priors.vposer import weights

    place.diffopt("plugins", "check", "vposer", "--set", f"weights={place.folder / 'model'}")
    network, _ = weights.load(weights.resolve(str(place.folder / "model")))
    poses, codes = (torch.from_numpy(part) for part in _inputs(place.seed))
    with torch.no_grad():
        mean, deviation = network.encode(poses.unflatten(1, (21, 3)))
        return {"mean": mean.numpy(), "deviation": deviation.numpy(), "matrices": network.decode(codes).numpy()}
