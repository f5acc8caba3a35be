"""HMR2.0: the package ``hmr2`` at its published size (ViT-H), on boxes."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from upstream import Place, Row

from systems import _bodies, _clip
from systems._case import body_of_case, padded

ROW = Row(
    "HMR2.0",
    "github.com/shubham-goel/4D-Humans",
    (
        "torch", "torchvision", "pytorch-lightning", "smplx==0.1.28", "yacs", "opencv-python-headless", "scikit-image",
        "einops", "timm", "webdataset", "dill", "pandas", "hydra-core", "omegaconf", "rich", "braceexpand", "trimesh",
    ),
    replaced={"pyrender": "draws"},
    random="weights, mean parameters, SMPL",
    tolerance={"transl": 1e-3},
)  # fmt: skip
CONFIG = """
SMPL: {MODEL_PATH: data/smpl, GENDER: neutral, NUM_BODY_JOINTS: 23, JOINT_REGRESSOR_EXTRA: data/SMPL_to_J19.pkl,
  MEAN_PARAMS: data/smpl_mean_params.npz}
EXTRA: {FOCAL_LENGTH: 5000, PELVIS_IND: 39}
MODEL:
  IMAGE_SIZE: 256
  IMAGE_MEAN: [0.485, 0.456, 0.406]
  IMAGE_STD: [0.229, 0.224, 0.225]
  BACKBONE: {TYPE: vit}
  SMPL_HEAD:
    TYPE: transformer_decoder
    IN_CHANNELS: 2048
    TRANSFORMER_DECODER: {depth: 6, heads: 8, mlp_dim: 1024, dim_head: 64, dropout: 0.0, emb_dropout: 0.0, norm: layer,
      context_dim: 1280}
LOSS_WEIGHTS: {ADVERSARIAL: 0.0005}
"""


def make(place: Place) -> None:
    """The data of 4D-Humans' cache folder, and a checkpoint as lightning saves it, with its configuration."""
    import torch
    from hmr2.configs import CACHE_DIR_4DHUMANS, get_config
    from hmr2.models import DEFAULT_CHECKPOINT
    from hmr2.models.hmr2 import HMR2

    draw, checkpoint, cache = np.random.default_rng(place.seed), Path(DEFAULT_CHECKPOINT), Path(CACHE_DIR_4DHUMANS)
    for folder in (checkpoint.parent, cache / "data" / "smpl"):
        folder.mkdir(parents=True, exist_ok=True)
    config = checkpoint.parent.parent / "model_config.yaml"
    config.write_text(CONFIG)
    with open(cache / "data/smpl/SMPL_NEUTRAL.pkl", "wb") as file:
        pickle.dump(_bodies.arrays("smpl", place.seed), file)
    with open(cache / "data/SMPL_to_J19.pkl", "wb") as file:
        pickle.dump(draw.dirichlet(np.ones(6890), 19), file)
    pose = np.tile([1.0, 0, 0, 1, 0, 0], 24) + draw.normal(0, 0.2, 144)
    np.savez(cache / "data/smpl_mean_params.npz", pose=pose, shape=draw.normal(0, 0.5, 10), cam=np.array([0.9, 0, 0.1]))
    torch.manual_seed(place.seed)
    cfg = get_config(str(config), update_cachedir=True)
    model = HMR2(cfg, init_renderer=False)
    for layer in (model.smpl_head.decpose, model.smpl_head.decshape, model.smpl_head.deccam):
        torch.nn.init.normal_(layer.weight, std=0.005)  # a person before the camera, and another one for each image
        torch.nn.init.zeros_(layer.bias)
    held = {"state_dict": model.state_dict(), "epoch": 35, "global_step": 1_000_000, "hyper_parameters": {"cfg": cfg}}
    torch.save({**held, "pytorch-lightning_version": "1.8.1"}, checkpoint)


def theirs(place: Place) -> dict[str, np.ndarray]:
    """As ``demo.py``: load, crop each box, regress, move to the full image with the focal length of the clip."""
    import os

    import hmr2.models.hmr2
    import torch
    from hmr2.datasets.vitdet_dataset import ViTDetDataset
    from hmr2.models import load_hmr2
    from hmr2.utils.renderer import cam_crop_to_full

    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # the package predates torch's refusal of other classes
    hmr2.models.hmr2.SkeletonRenderer = hmr2.models.hmr2.MeshRenderer = lambda *_, **__: None
    model, cfg = load_hmr2()
    model.eval()
    rows: dict = {"rotations": [], "betas": [], "transl": []}
    for image, box in zip(_clip.images(place.seed), padded(_clip.boxes(place.seed)), strict=True):
        batch = torch.utils.data.default_collate([ViTDetDataset(cfg, image[:, :, ::-1], box[None])[0]])
        with torch.no_grad():
            out = model(batch)
        smpl = out["pred_smpl_params"]
        rows["rotations"].append(torch.cat([smpl["global_orient"], smpl["body_pose"]], 1)[0].numpy())
        rows["betas"].append(smpl["betas"][0].numpy())
        place_of = [batch[key].float() for key in ("box_center", "box_size", "img_size")]
        rows["transl"].append(cam_crop_to_full(out["pred_cam"], *place_of, _clip.FOCAL)[0].numpy())
    found = {key: np.stack(row) for key, row in rows.items()}
    return {**found, "betas": found["betas"].mean(0)}


def ours(place: Place) -> dict[str, np.ndarray]:
    return body_of_case(place, "--init", "hmr2", "--env", place.python.parent.parent)
