"""VIBE's demo: SPIN's ResNet, the recurrent encoder and the regressor, on boxes."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

import numpy as np
from upstream import Place, Row

from systems import _bodies, _clip
from systems._case import body_of_case, padded

ROW = Row(
    "VIBE",
    "github.com/mkocabas/VIBE",
    (
        "torch", "torchvision", "smplx==0.1.28", "yacs", "opencv-python-headless", "scikit-image", "scipy",
        "joblib", "tqdm", "h5py", "matplotlib", "pyyaml",
    ),
    replaced={"resnet50 of ImageNet": "is downloaded, and SPIN's replaces it"},
    random="weights of VIBE and SPIN, mean parameters, SMPL, a joint regressor",
    tolerance={"transl": 1e-3},
)  # fmt: skip
MARGIN = 1.1


def _clone(place: Place) -> Path:
    """A folder with upstream's code and a data folder of ours."""
    clone = place.folder / "clone"
    clone.mkdir(exist_ok=True)
    if not (clone / "lib").exists():
        (clone / "lib").symlink_to(place.source / "lib")
    return clone


def _model(place: Place):
    import torchvision.models.resnet

    os.chdir(_clone(place))
    sys.path.insert(0, os.getcwd())
    plain = torchvision.models.resnet.resnet50
    torchvision.models.resnet.resnet50 = lambda *_, **__: plain()
    from lib.models.vibe import VIBE_Demo

    return VIBE_Demo(seqlen=16, n_layers=2, hidden_size=1024, add_linear=True, use_residual=True)


def make(place: Place) -> None:
    """``data/vibe_data``: a checkpoint as ``lib/core/trainer.py`` saves it, SPIN's, SMPL, mean parameters."""
    import torch

    draw, data = np.random.default_rng(place.seed), _clone(place) / "data" / "vibe_data"
    data.mkdir(parents=True, exist_ok=True)
    with open(data / "SMPL_NEUTRAL.pkl", "wb") as file:
        pickle.dump(_bodies.arrays("smpl", place.seed), file)
    np.save(data / "J_regressor_extra.npy", draw.dirichlet(np.ones(6890), 9))
    pose = np.tile([1.0, 0, 0, 1, 0, 0], 24) + draw.normal(0, 0.2, 144)
    cam = np.array([0.9, 0, 0.1], np.float32)
    np.savez(data / "smpl_mean_params.npz", pose=pose.astype(np.float32), shape=draw.normal(0, 0.5, 10), cam=cam)
    torch.manual_seed(place.seed)
    torch.save({"model": {}}, data / "spin_model_checkpoint.pth.tar")
    first = _model(place)  # from nothing; its parts are the random weights
    for layer in first.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_var.uniform_(0.5, 2)
    state = first.state_dict()
    spin = {key[4:]: value for key, value in state.items() if key.startswith("hmr.")}
    torch.save({"model": spin, "epoch": 49, "dataset_perm": None}, data / "spin_model_checkpoint.pth.tar")
    generator = {key: value * 1.05 for key, value in state.items() if key.startswith(("encoder.", "regressor.fc"))}
    kept = {key: value for key, value in state.items() if key.startswith("regressor.")}
    held = {"epoch": 30, "gen_state_dict": kept | generator, "performance": 56.5, "gen_optimizer": {}}
    torch.save(held, data / "vibe_model_wo_3dpw.pth.tar")


def theirs(place: Place) -> dict[str, np.ndarray]:
    """As ``demo.py``, with the boxes given; the full image's camera by its own function, of the square that was cropped
    (the demo leaves the margin out there)."""
    import cv2
    import torch

    model = _model(place)
    from lib.dataset.inference import Inference

    model.load_state_dict(torch.load("data/vibe_data/vibe_model_wo_3dpw.pth.tar")["gen_state_dict"], strict=False)
    model.eval()
    folder = place.folder / "images"
    folder.mkdir(exist_ok=True)
    for i, image in enumerate(_clip.images(place.seed)):
        cv2.imwrite(str(folder / f"{i:06d}.png"), image[:, :, ::-1])
    low, high = np.split(padded(_clip.boxes(place.seed)), 2, 1)
    side = (high - low).max(1, keepdims=True)
    boxes = np.concatenate([(low + high) / 2, side, side], 1)
    dataset = Inference(str(folder), np.arange(_clip.FRAMES), bboxes=boxes, scale=MARGIN)
    batch = torch.stack([dataset[i] for i in range(len(dataset))])[None]
    with torch.no_grad():
        out = model(batch)[-1]
    theta = out["theta"][0].numpy()
    scaled = boxes * [1, 1, MARGIN, MARGIN]
    s, t, px = theta[:, 0], theta[:, 1:3], scaled[:, 2] / 2
    centre = np.array(_clip.SIZE) / 2
    transl = np.c_[t + (boxes[:, :2] - centre) / (s * px)[:, None], _clip.FOCAL / (s * px)]
    return {"rotations": out["rotmat"][0].numpy(), "betas": theta[:, 75:].mean(0), "transl": transl}


def ours(place: Place) -> dict[str, np.ndarray]:
    clone = _clone(place)
    return body_of_case(
        place, "--init", "vibe", "--env", place.python.parent.parent, "--set", f"initializer.repository={clone}"
    )
