"""Runs in an environment that has what VIBE needs: a body for each box, the boxes in one sequence.

Job: ``boxes`` (one [x0, y0, x1, y1] or None per frame), ``repository``, ``weights`` and ``spin`` (plain arrays, which
the component took out of the pickles ``checkpoint`` and ``spin_checkpoint``), ``batch``, ``device``. Saves
``frames`` n, ``pose`` n 72 (axis-angle), ``betas`` n 10, ``cam`` n 3, ``centre`` n 2, ``side`` n.
"""

import os
import sys

# must be first: it reports which of the modules below is missing, and redirects their output
from diffopt_frames import boxed, fail, job, save

# isort: split
import numpy as np
import torch

JOB = job()
# VIBE's modules and the paths of its data are relative to its clone
sys.path.insert(0, JOB["repository"])
os.chdir(JOB["repository"])

from lib.data_utils.img_utils import get_single_image_crop_demo  # noqa: E402
from lib.models import spin  # noqa: E402
from lib.models.vibe import VIBE_Demo  # noqa: E402

CROP = 224
#: Enlargement of the square around the box, as in VIBE's demo.
MARGIN = 1.1


def arrays(path):
    with np.load(path, allow_pickle=False) as state:
        return {key: torch.from_numpy(state[key]) for key in state.files}


def load():
    # VIBE starts from a ResNet of ImageNet, which it downloads, and from SPIN's checkpoint, which it unpickles
    resnet50, held = spin.resnet.resnet50, arrays(JOB["spin"])
    spin.resnet.resnet50 = lambda *_, **__: resnet50()
    torch.load = lambda *_, **__: {"model": held}
    model = VIBE_Demo(seqlen=16, n_layers=2, hidden_size=1024, add_linear=True, use_residual=True)
    own, state = model.state_dict(), arrays(JOB["weights"])
    needed = [(JOB["checkpoint"], key, state, key) for key in own if key.startswith(("encoder.", "regressor."))]
    needed += [(JOB["spin_checkpoint"], key[4:], held, key) for key in own if key.startswith("hmr.")]
    for path, key, found, name in needed:
        if ".smpl." in name:
            continue
        if key not in found or found[key].shape != own[name].shape:
            is_ = f"is {list(found[key].shape)}" if key in found else "is missing"
            fail(
                f"vibe: {path}: {key} {is_}, expected {list(own[name].shape)}: it is of another model than VIBE's demo"
            )
    model.load_state_dict(state, strict=False)
    return model.to(JOB["device"]).eval()


def crop(image, box):
    """The crop, its centre and the side of the square around the box."""
    centre = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
    side = max(box[2] - box[0], box[3] - box[1])
    square = np.array([*centre, side, side])
    return get_single_image_crop_demo(image, square, kp_2d=None, scale=MARGIN, crop_size=CROP)[0], centre, side


@torch.no_grad()
def main():
    model = load()
    rows: dict = {key: [] for key in ("frames", "pose", "betas", "cam", "centre", "side")}
    for batch in boxed(JOB["boxes"], JOB["batch"], crop):
        crops = torch.stack([item[0] for _, item in batch]).unsqueeze(0).to(JOB["device"])
        theta = model(crops)[-1]["theta"].reshape(len(batch), -1).cpu().numpy()
        rows["frames"].append([index for index, _ in batch])
        rows["centre"].append([item[1] for _, item in batch])
        rows["side"].append([item[2] * MARGIN for _, item in batch])
        rows["cam"].append(theta[:, :3])
        rows["pose"].append(theta[:, 3:75])
        rows["betas"].append(theta[:, 75:85])
    save(**{key: np.concatenate(parts) for key, parts in rows.items()})


main()
