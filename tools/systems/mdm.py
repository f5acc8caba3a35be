"""MDM: four models as they are published, through ``diffopt train import-mdm``; HumanML3D's features are a golden."""

from __future__ import annotations

import json
import sys
import types

import numpy as np
from upstream import Place, Row

ROW = Row(
    "MDM",
    "github.com/GuyTevet/motion-diffusion-model",
    ("torch", "tqdm", "scipy"),
    replaced={"clip": "embeds text", "load_bert": "embeds text", "Rotation2xyz": "makes meshes"},
    random="weights, text embeddings",
    tolerance={
        f"{name}/{what}": 1e-5
        for name in ("enc_clip", "enc_plain", "dec_clip", "dec_bert", "dec_concat")
        for what in ("told", "untold", "guided")
    },
)
_BASE = {"layers": 8, "latent_dim": 512, "cond_mask_prob": 0.1, "emb_trans_dec": False, "dataset": "humanml"}
_BASE |= {"pos_embed_max_len": 5000, "mask_frames": True, "noise_schedule": "cosine", "text_encoder_type": "clip"}
#: args.json of each model; humanml_trans_dec_512_bert-50steps is ``dec_bert``.
MODELS = {
    "enc_clip": _BASE | {"arch": "trans_enc", "diffusion_steps": 1000},
    "enc_plain": _BASE | {"arch": "trans_enc", "diffusion_steps": 1000, "unconstrained": True},
    "dec_clip": _BASE | {"arch": "trans_dec", "diffusion_steps": 50, "emb_trans_dec": True},
    "dec_bert": _BASE | {"arch": "trans_dec", "diffusion_steps": 50, "text_encoder_type": "bert", "use_ema": True},
    "dec_concat": _BASE
    | {"arch": "trans_dec", "diffusion_steps": 50, "text_encoder_type": "bert", "emb_policy": "concat"},
}
FRAMES, SCALE, TOKENS = 40, 2.5, 7


def _inputs(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """``x`` 2 T 263, ``t`` 2, and the text: 512, or tokens 768."""
    draw = np.random.default_rng(seed)
    args, x = MODELS[name], draw.normal(size=(2, FRAMES, 263)).astype(np.float32)
    text = draw.normal(size=(TOKENS, 768) if args["text_encoder_type"] == "bert" else (512,)).astype(np.float32)
    return x, np.array([3, 40]), None if args.get("unconstrained") else text


def _model(name: str, seed: int):
    """Upstream's class with its own arguments, in evaluation mode."""
    import torch

    class Nothing(torch.nn.Module):
        smpl_model = torch.nn.Identity()

        def __init__(self, *_, **__):
            super().__init__()

    sys.modules["clip"] = types.SimpleNamespace(
        load=lambda *_, **__: (Nothing(), None), model=types.SimpleNamespace(convert_weights=lambda _: None)
    )
    sys.modules["model.rotation2xyz"] = types.SimpleNamespace(Rotation2xyz=Nothing)
    import model.mdm
    from utils.model_util import get_model_args

    model.mdm.load_bert = Nothing
    args = types.SimpleNamespace(**{"unconstrained": False, **MODELS[name]})
    torch.manual_seed(seed)
    data = types.SimpleNamespace(dataset=types.SimpleNamespace())
    network = model.mdm.MDM(**get_model_args(args, data))
    return network.train(False) or network


def make(place: Place) -> None:
    """Checkpoints and args.json as ``training_loop.py`` writes them, with the statistics of HumanML3D's shape."""
    import torch

    draw = np.random.default_rng(place.seed)
    for name, args in MODELS.items():
        folder = place.folder / name
        folder.mkdir(exist_ok=True)
        state = _model(name, place.seed).state_dict()
        state = {key: value for key, value in state.items() if not key.startswith("clip_model.")}
        other = {key: torch.zeros_like(value) for key, value in state.items()}
        torch.save({"model": other, "model_avg": state} if args.get("use_ema") else state, folder / "model.pt")
        (folder / "args.json").write_text(json.dumps(args))
        np.save(folder / "Mean.npy", draw.normal(size=263).astype(np.float32))
        np.save(folder / "Std.npy", draw.uniform(0.5, 2, 263).astype(np.float32))
        text = _inputs(name, place.seed)[2]
        if text is not None:
            np.save(folder / "text.npy", text)


def theirs(place: Place) -> dict[str, np.ndarray]:
    """The model and its guided wrapper, on the frames as ``[B 263 1 T]``, with the text as it caches it."""
    import torch
    from model.cfg_sampler import ClassifierFreeSampleModel

    out = {}
    for name in MODELS:
        network, (x, t, text) = _model(name, place.seed), _inputs(name, place.seed)
        frames, steps = torch.from_numpy(x).mT[:, :, None], torch.from_numpy(t)
        y = {"mask": torch.ones(2, 1, 1, FRAMES, dtype=torch.bool), "scale": torch.full((2,), SCALE)}
        with torch.no_grad():
            if text is None:
                found = {"untold": network(frames, steps, y)}
            else:
                y["text_embed"] = _cached(torch.from_numpy(text))
                empty = text if text.ndim == 1 else text[:2]  # the tokens of an empty sentence
                silent = y | {"uncond": True, "text_embed": _cached(torch.from_numpy(empty))}
                guided = ClassifierFreeSampleModel(network)(frames, steps, y) if network.emb_policy == "add" else None
                found = {"told": network(frames, steps, y), "untold": network(frames, steps, silent), "guided": guided}
        out |= {f"{name}/{k}": v[:, :, 0].mT.numpy() for k, v in found.items() if v is not None}
    return out


def _cached(text):
    """As ``encode_text`` returns it: ``[L B C]``, DistilBERT's with the mask of its padding."""
    import torch

    if text.dim() == 1:
        return text[None, None].expand(1, 2, -1)
    return text[:, None].expand(-1, 2, -1), torch.zeros(2, len(text), dtype=torch.bool)


def ours(place: Place) -> dict[str, np.ndarray]:
    """What ``diffopt train import-mdm`` wrote, loaded as the prior loads it."""
    import torch
    from diffopt_priors.configs import MDMConfig
    from diffopt_priors.mdm.term import _load

    out = {}
    for name in MODELS:
        folder, (x, t, text) = place.folder / name, _inputs(name, place.seed)
        file = folder / "imported.safetensors"
        place.diffopt("train", "import-mdm", "--checkpoint", folder / "model.pt", "--stats", folder, "--out", file)
        frames, steps = torch.from_numpy(x), torch.from_numpy(t)
        scales = {"untold": None} if text is None else {"untold": None, "told": 1.0, "guided": SCALE}
        for what, scale in scales.items():
            more = {} if scale is None else {"text_embedding": str(folder / "text.npy"), "text_scale": scale}
            denoiser, _ = _load(MDMConfig(weights=str(file), **more))
            with torch.no_grad():
                out[f"{name}/{what}"] = denoiser.predict(frames, steps, steps).numpy()
    return out
