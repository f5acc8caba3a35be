"""Runs in an environment that has 4D-Humans: a body for each box.

Job: ``boxes`` (one [x0, y0, x1, y1] or None per frame), ``checkpoint`` (None: the package's own), ``batch``,
``device``. Saves ``frames`` n, ``orient`` n 3 3, ``body_pose`` n 23 3 3, ``betas`` n 10, ``cam`` n 3, ``centre`` n 2,
``side`` n; or ``missing`` and ``why``.
"""

import os
import pickle
import sys

# must be first: it reports which of the modules below is missing, and redirects their output
from diffopt_frames import boxed, fail, job, save

# isort: split
import numpy as np
import torch
from hmr2.datasets.vitdet_dataset import ViTDetDataset
from hmr2.models import DEFAULT_CHECKPOINT, HMR2, load_hmr2

JOB = job()
#: Beginnings of the keys that inference needs; the rest of a checkpoint is SMPL and the discriminator.
PARTS = ("backbone.", "smpl_head.")


class Inert(dict):
    """Any class of a checkpoint that is no tensor: lightning saves the training's configuration with it."""

    def __init__(self, *_, **__):
        super().__init__()

    def __setstate__(self, _):
        pass

    append = extend = __setstate__


class Tensors:
    """The pickle module of a checkpoint: only torch's tensors and plain containers are made."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            known = (module == "collections" and name == "OrderedDict") or (
                module == "torch._utils" and name.startswith("_rebuild_")
            )
            known = known or (module == "torch" and (name.endswith("Storage") or name in ("Size", "device")))
            known = known or (module == "torch" and isinstance(getattr(torch, name, None), torch.dtype))
            return super().find_class(module, name) if known else Inert

    @staticmethod
    def load(file, **more):
        return Tensors.Unpickler(file, **more).load()


def missing(what, why):
    """Report something missing to the component, which knows the remedy."""
    save(missing=np.array(what), why=np.array(" ".join(str(why).split())))
    sys.exit(0)


def weights(path):
    """The network's tensors of a checkpoint, without running its pickle."""
    try:
        held = torch.load(path, map_location="cpu", pickle_module=Tensors, weights_only=False)
    except Exception as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        fail(f"hmr2: {path} cannot be read as a checkpoint of torch ({why}): fetch it again")
    state = held.get("state_dict", {}) if isinstance(held, dict) else {}
    if not isinstance(state, dict) or not state:
        keys = ", ".join(sorted(map(str, held))[:4]) if isinstance(held, dict) else type(held).__name__
        fail(f"hmr2: {path}: state_dict is missing; expected a checkpoint of HMR2.0 (lightning's); it has {keys}")
    return {key[7:] if key.startswith("module.") else key: value for key, value in state.items()}


def filled(path, strict=False, cfg=None):
    """In place of lightning's load_from_checkpoint, which runs the pickle and takes a checkpoint of another model."""
    model, state = HMR2(cfg, init_renderer=False), weights(path)
    own = {key: value for key, value in model.state_dict().items() if key.startswith(PARTS)}
    bad = [f"{key} is missing" for key in own if key not in state] + [
        f"{key} is {list(state[key].shape)}, expected {list(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    if bad:
        more = f" and {len(bad) - 1} more" if bad[1:] else ""
        fail(
            f"hmr2: {path}: {bad[0]}{more}; it is of another model than its model_config.yaml and the package hmr2 say"
        )
    model.load_state_dict({key: state[key] for key in own}, strict=False)
    return model


HMR2.load_from_checkpoint = filled


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
