"""Runs in an environment that has 4D-Humans: a body for each box.

Job: ``boxes`` (one [x0, y0, x1, y1] or None per frame), ``checkpoint`` (None: the package's own), ``batch``,
``device``. Saves ``frames`` n, ``orient`` n 3 3, ``body_pose`` n 23 3 3, ``betas`` n 10, ``cam`` n 3, ``centre`` n 2,
``side`` n; or ``missing`` and ``why``.
"""

import os
import sys

# must be first: it reports which of the modules below is missing, and redirects their output
from diffopt_frames import boxed, job, save

# isort: split
import numpy as np
import torch
from hmr2.datasets.vitdet_dataset import ViTDetDataset
from hmr2.models import DEFAULT_CHECKPOINT, load_hmr2

JOB = job()


def missing(what, why):
    """Report something missing to the component, which knows the remedy."""
    save(missing=np.array(what), why=np.array(" ".join(str(why).split())))
    sys.exit(0)


def load():
    path = JOB["checkpoint"] or DEFAULT_CHECKPOINT
    if not os.path.isfile(path):
        missing("checkpoint", f"there is no checkpoint at {path}")
    try:
        model, config = load_hmr2(path)
    except FileNotFoundError as error:  # raised by the package if SMPL is missing
        if "SMPL" in str(error) or "smpl" in str(getattr(error, "filename", "")):
            missing("smpl", error)
        missing("checkpoint", error)
    return model.to(JOB["device"]).eval(), config


def to_device(value):
    return value.to(JOB["device"]) if torch.is_tensor(value) else value


@torch.no_grad()
def main():
    model, config = load()
    rows: dict = {key: [] for key in ("frames", "orient", "body_pose", "betas", "cam", "centre", "side")}

    def crop(image, box):
        # the package uses OpenCV's channel order
        return ViTDetDataset(config, np.ascontiguousarray(image[:, :, ::-1]), np.array([box]))[0]

    for waiting in boxed(JOB["boxes"], JOB["batch"], crop):
        batch = torch.utils.data.default_collate([item for _, item in waiting])
        out = model({key: to_device(value) for key, value in batch.items()})
        smpl = out["pred_smpl_params"]
        n = len(waiting)
        rows["frames"].append(np.array([index for index, _ in waiting]))
        rows["orient"].append(smpl["global_orient"].reshape(n, 3, 3).cpu().numpy())
        rows["body_pose"].append(smpl["body_pose"].reshape(n, 23, 3, 3).cpu().numpy())
        rows["betas"].append(smpl["betas"].reshape(n, 10).cpu().numpy())
        rows["cam"].append(out["pred_cam"].reshape(n, 3).cpu().numpy())
        rows["centre"].append(np.asarray(batch["box_center"]).reshape(n, 2))
        rows["side"].append(np.asarray(batch["box_size"]).reshape(n))
    save(**{key: np.concatenate(parts) for key, parts in rows.items()})


main()
