"""Published MDM checkpoints (trained on HumanML3D), loaded unchanged: transformer encoders and decoders.

A checkpoint holds the bare state, or ``{"model": …, "model_avg": …}``, of which ``model_avg`` is used. Its
``args.json`` holds the number of diffusion steps; ``Mean.npy`` and ``Std.npy`` come from the HumanML3D repository.
Features are the official ones at 20 fps. Without a text embedding the unconditional branch of a text model is used.
Models that continue a given motion (``context_len``), or go to a target, are refused.

``mask_frames`` (padding hidden from attention) needs no setting: windows of a clip have equal length and no padding, so
every frame is valid and masking has no effect.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.common.npz import read_array
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_core.perception.weights.cards import MOST, MOST_LAYERS, compare, listed
from torch import Tensor

from diffopt_priors import checkpoint
from diffopt_priors.mdm import humanml3d, weights
from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import DIM
from diffopt_priors.mdm.network import MDM, TEXT_DIM

#: Endings of a published checkpoint's name.
SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")
#: Frames of the longest motion in HumanML3D.
WINDOW = 196
SOURCE = (
    "expected a published MDM checkpoint for HumanML3D (trans_enc or trans_dec), such as "
    "humanml_trans_enc_512/model000475000.pt with its args.json: README of github.com/GuyTevet/motion-diffusion-model"
)
#: The transformer's name in the state, by ``arch`` of args.json.
_BODIES = {"trans_enc": "seqTransEncoder", "trans_dec": "seqTransDecoder"}
_STATS = "expected HumanML3D's Mean.npy and Std.npy, in the folder HumanML3D of github.com/EricGuo5513/HumanML3D"
#: Values of args.json that can be used.
_WANTED = {
    "arch": tuple(_BODIES),
    "dataset": ("humanml",),
    "text_encoder_type": ("clip", "bert"),
    "emb_policy": ("add", "concat"),
}
_BERT = 768  # numbers of a token of DistilBERT
_HEADS = 4  # not stored in the state; equal in all published models
_DROPPED = ("sequence_pos_encoder.pe", "embed_timestep.sequence_pos_encoder.pe")
_OTHERS = {
    "gru.": "a recurrent network (gru)",
    "embed_action.": "an action-conditioned model",
    "embed_target_cond.": "a target-conditioned model",
}


def read_state(path: Path) -> dict[str, Any]:
    """Weights of a checkpoint under their official names."""
    if not path.is_file():
        raise MissingResource(f"prior mdm: {path} not found; {SOURCE}")
    loaded: Any = checkpoint.read(path, SOURCE)
    wrapped = next((key for key in ("model_avg", "model") if isinstance(loaded.get(key), dict)), None)
    if wrapped is not None:
        loaded = loaded[wrapped]
    elif "model" in loaded and not any(isinstance(v, Tensor) for v in loaded.values()):
        raise BadInput(
            path, "model", f"is a {type(loaded['model']).__name__}, expected a dictionary of weights; {SOURCE}"
        )
    state = {str(k).removeprefix("module."): v for k, v in loaded.items()}
    state = {k: v for k, v in state.items() if k not in _DROPPED and not k.startswith("clip_model.")}
    for prefix, what in _OTHERS.items():
        if found := next((k for k in state if k.startswith(prefix)), None):
            raise BadInput(path, found, f"this is {what}; only models of text or of motion alone can be used: {SOURCE}")
    if not any(k.startswith(f"{body}.layers.") for k in state for body in _BODIES.values()):
        keys = listed(list(state)) or "nothing"
        raise BadInput(path, "seqTransEncoder", f"missing: no transformer here (keys: {keys}); {SOURCE}")
    return state


def _body(state: dict[str, Any]) -> str:
    """Name of the transformer in the state."""
    return next(body for body in _BODIES.values() if any(k.startswith(f"{body}.layers.") for k in state))


def network_settings(path: Path, state: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    """Shape of the network: from args.json, else from the shapes of the weights."""
    shapes = {k: tuple(v.shape) for k, v in state.items() if isinstance(v, Tensor)}
    body, words = _body(state), shapes.get("embed_text.weight", ())
    if "arch" in args and _BODIES[args["arch"]] != body:
        raise BadInput(path, body, f"is not the '{args['arch']}' that args.json says; {SOURCE}")
    first, inner = "input_process.poseEmbedding.weight", f"{body}.layers.0.linear1.weight"
    for key in (first, inner):
        if len(shapes.get(key, ())) != 2:
            raise BadInput(path, key, f"missing, or not a matrix; {SOURCE}")
    numbers = [k.split(".")[2] for k in state if k.startswith(f"{body}.layers.")]
    width, channels = shapes[first]
    if channels != DIM:
        raise BadInput(path, first, f"takes {channels} channels, expected {DIM} (KIT-ML has 251); {SOURCE}")
    settings = {
        "channels": DIM,
        "width": int(args.get("latent_dim", width)),
        "layers": int(args.get("layers", 1 + max(int(n) for n in numbers if n.isdigit()))),
        "heads": _HEADS,
        "feedforward": shapes[inner][0],
        "text": "embed_text.weight" in state or "embed_text.bias" in state,
    }
    if body == "seqTransDecoder":
        settings |= {
            "decoder": True,
            "text_dim": _BERT if words[1:] == (_BERT,) else TEXT_DIM,
            "time_token": bool(args.get("emb_trans_dec", False)),
            "concat": args.get("emb_policy", "add") == "concat",
        }
    if settings["layers"] > MOST_LAYERS:
        raise BadInput(path, body, f"has {settings['layers']} layers, expected at most {MOST_LAYERS}")
    if settings["width"] != width:
        raise BadInput(path, first, f"is {width} wide, but args.json has latent_dim {settings['width']}; {SOURCE}")
    if width % _HEADS or width % 2:
        raise BadInput(path, first, f"is {width} wide, expected a multiple of {_HEADS}; {SOURCE}")
    return settings


def read_args(path: Path, steps: int | None) -> dict[str, Any]:
    """Read args.json beside the checkpoint. ``steps`` overrides its ``diffusion_steps``."""
    file = path.with_name("args.json")
    try:
        args = json.loads(file.read_text()) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise BadInput(file, "file", f"cannot be read as JSON; {SOURCE}") from error
    if not isinstance(args, dict):
        raise BadInput(file, "file", f"is not a JSON object; {SOURCE}")
    for key, wanted in _WANTED.items():
        if key in args and args[key] not in wanted:
            raise BadInput(file, key, f"is {args[key]!r}, expected {' or '.join(map(repr, wanted))}: {SOURCE}")
    for key in ("context_len", "pred_len"):
        if args.get(key):
            raise BadInput(
                file, key, f"is {args[key]!r}: this model (DiP) continues given frames, and is no prior of a whole "
                f"motion; {SOURCE}"
            )  # fmt: skip
    for key in ("latent_dim", "layers", "diffusion_steps"):
        if key in args and (isinstance(args[key], bool) or not isinstance(args[key], int) or args[key] < 1):
            raise BadInput(file, key, f"is {args[key]!r}, expected a positive whole number; {SOURCE}")
        if key in args and args[key] > (most := MOST_LAYERS if key == "layers" else MOST):
            raise BadInput(file, key, f"is {args[key]:g}, expected at most {most}; {SOURCE}")
    if args.get("noise_schedule", "cosine") not in weights.SCHEDULES:
        known = ", ".join(weights.SCHEDULES)
        raise BadInput(file, "noise_schedule", f"is '{args['noise_schedule']}', expected one of {known}; {SOURCE}")
    if steps is not None:
        args["diffusion_steps"] = steps
    elif "diffusion_steps" not in args:
        what = "has none" if file.is_file() else "not found"
        raise BadInput(
            file, "diffusion_steps", f"{what}; put the checkpoint's own args.json there, or say how many: "
            "--set prior.diffusion_steps=1000 (--steps 1000 in `diffopt train import-mdm`)",
        )  # fmt: skip
    return args


def _statistics(folder: Path, name: str) -> list[float]:
    path = folder / name
    if not path.is_file():
        raise MissingResource(f"prior.stats: {path} not found; {_STATS}")
    values = read_array(path, f"; {_STATS}")
    if values.shape != (DIM,) or values.dtype.kind not in "fiu":
        raise BadInput(path, "shape", f"is {values.shape}, expected ({DIM},) numbers; {_STATS}")
    if not np.isfinite(values).all() or (name == "Std.npy" and (values <= 0).any()):
        raise BadInput(path, "values", f"has invalid values; expected finite means and positive deviations; {_STATS}")
    return [float(v) for v in values]


def load(path: Path, stats: Path | None, steps: int | None = None) -> tuple[Denoiser, dict[str, Any]]:
    """Frozen denoiser (float32, CPU) and a card. ``stats``: folder of Mean.npy and Std.npy; ``steps``: diffusion steps,
    if there is no args.json."""
    state = read_state(path)
    args = read_args(path, steps)
    settings = network_settings(path, state, args)
    with torch.device("meta"):
        expected = MDM(**settings).state_dict()
    compare(path, state, expected, SOURCE)
    if stats is None:
        raise DiffOptError(f"prior.stats: {path.name} comes without feature statistics; {_STATS}: --set prior.stats=…")
    card = {
        "name": path.stem,
        "source": path.name,
        "terms": ["Trained on HumanML3D, hence on AMASS: non-commercial research only; see the licences of both."],
        "features": "humanml3d",
        "fps": humanml3d.FPS,
        "window": WINDOW,
        "network": settings,
        "diffusion": {"schedule": args.get("noise_schedule", "cosine"), "steps": args["diffusion_steps"]},
        "skeleton": {"offsets": [[0.0, 0.0, 0.0]] * 24},  # unused: the features contain their own skeleton
        "mean": _statistics(stats, "Mean.npy"),
        "std": _statistics(stats, "Std.npy"),
    }
    denoiser = weights.build(card)
    denoiser.network.load_state_dict({k: v.float() for k, v in state.items()})
    return denoiser.eval().requires_grad_(False), card


def convert(path: Path, stats: Path, out: Path, steps: int | None = None) -> None:
    """Write ``out`` (.safetensors) and its card."""
    denoiser, card = load(path, stats, steps)
    weights.save(out, denoiser.state_dict(), card | {"name": out.stem}, torch.float32)
