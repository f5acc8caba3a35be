"""DROID-SLAM by import, without a GPU: its own classes, with stand-ins for its CUDA extension, for lietorch, and for
the parts of its network that would take an hour on a CPU. The poses mean nothing; that both sides get the same ones,
and hand over arrays of the same sizes and intrinsics, does.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
from upstream import Place, Row

from systems import _clip
from systems._case import prepare

ROW = Row(
    "DROID-SLAM",
    "github.com/princeton-vl/DROID-SLAM",
    ("torch", "opencv-python-headless", "scipy", "tqdm", "matplotlib"),
    replaced={
        "droid_backends": "compiles against CUDA", "lietorch": "compiles against CUDA", "torch_scatter": "compiles",
        "UpdateModule.forward and the correlation": "an hour on a CPU", "cuda": "the CPU",
    },
    tolerance={"t": 1e-3},
)  # fmt: skip
FRAMES = 12
_NET = '''
"""Upstream's network with a light update: flow and weights from the mean of the features."""
import torch
from upstream_net import *
from upstream_net import UpdateModule


def _light(self, net, inp, corr, flow=None, ii=None, jj=None):
    weight = torch.sigmoid(net.mean(2) + inp.mean(2) + corr.mean(2))[..., None].expand(*[-1] * 4, 2).contiguous()
    if ii is None:
        return net, 3 + weight, weight
    count, (ht, wd) = len(torch.unique(ii)), net.shape[-2:]
    return net, 3 + weight, weight, torch.full((1, count, ht, wd), 0.01), torch.zeros(1, count, 576, ht, wd)


UpdateModule.forward = _light
'''
_CORR = '''
"""A light correlation: products of the features at the same pixel."""


class CorrBlock:
    def __init__(self, one, other, **_):
        self.held = (one * other).mean(2)

    def __call__(self, coords):
        return self.held[:, :, None].expand(-1, -1, 196, -1, -1)

    def cat(self, other):
        import torch

        self.held = torch.cat([self.held, other.held], 1)
        return self

    def __getitem__(self, index):
        self.held = self.held[:, index]
        return self


class AltCorrBlock:
    def __init__(self, maps, **_):
        self.maps = maps

    def __call__(self, coords, ii, jj):
        return CorrBlock(self.maps[:, ii], self.maps[:, jj])(coords)
'''


def _clone(place: Place) -> Path:
    """Upstream's folder, with the light network in place of its own."""
    own, clone = place.source / "droid_slam", place.folder / "clone" / "droid_slam"
    (clone / "modules").mkdir(parents=True, exist_ok=True)
    links = {clone / path.name: path for path in own.iterdir() if path.name not in ("droid_net.py", "modules")}
    links |= {clone / "modules" / p.name: p for p in (own / "modules").iterdir() if p.name != "corr.py"}
    links[clone / "upstream_net.py"] = own / "droid_net.py"
    for link, path in links.items():
        if not link.exists():
            link.symlink_to(path)
    (clone / "droid_net.py").write_text(_NET)
    (clone / "modules" / "corr.py").write_text(_CORR)
    return clone.parent


def make(place: Place) -> None:
    """``droid.pth`` as DataParallel saves it, its last layers with the third channel that ``load_weights`` cuts off."""
    import torch

    sys.path.insert(0, str(_clone(place) / "droid_slam"))
    from droid_net import DroidNet

    torch.manual_seed(place.seed)
    state = DroidNet().state_dict()
    for key in ("update.weight.2.weight", "update.weight.2.bias", "update.delta.2.weight", "update.delta.2.bias"):
        state[key] = torch.cat([state[key], torch.zeros_like(state[key][:1])])
    torch.save({f"module.{key}": value for key, value in state.items()}, place.folder / "droid.pth")


def theirs(place: Place) -> dict[str, np.ndarray]:
    """``demo.py``'s own reader and arguments, as its command line gives them."""
    import cv2
    import torch

    folder = place.folder / "images"
    folder.mkdir(exist_ok=True)
    for i, image in enumerate(_clip.images(place.seed, FRAMES)):
        cv2.imwrite(str(folder / f"{i:06d}.png"), image[:, :, ::-1])
    calibration = place.folder / "calib.txt"
    calibration.write_text(f"{_clip.FOCAL} {_clip.FOCAL} {_clip.SIZE[0] / 2} {_clip.SIZE[1] / 2}")
    os.chdir(_clone(place))
    sys.path.insert(0, "droid_slam")
    words = ["--imagedir", folder, "--calib", calibration, "--stride", 1, "--weights", place.folder / "droid.pth"]
    sys.argv = ["demo.py", *map(str, words), "--disable_vis"]
    names: dict = {"__name__": "__main__", "__file__": "demo.py"}
    torch.multiprocessing.set_start_method = lambda _: None
    exec(compile((place.source / "demo.py").read_text(), "demo.py", "exec"), names)
    return _relative(names["traj_est"], camera_to_world=True) | _log(place)


def ours(place: Place) -> dict[str, np.ndarray]:
    case = prepare(
        place, "--camera", "droid", "--set", f"camera.repository={_clone(place)}", "--set",
        f"camera.weights={place.folder / 'droid.pth'}", "--env", place.python.parent.parent, "--init", "lift",
        frames=FRAMES,
    )  # fmt: skip
    from scipy.spatial.transform import Rotation

    turns = case["cam_R"] if case["cam_R"].ndim == 3 else Rotation.from_rotvec(case["cam_R"]).as_matrix()
    return _about_first(turns, case["cam_t"]) | _log(place)


def _relative(poses: np.ndarray, camera_to_world: bool) -> dict[str, np.ndarray]:
    from scipy.spatial.transform import Rotation

    R, t = Rotation.from_quat(poses[:, 3:]).as_matrix(), poses[:, :3]
    back = R.transpose(0, 2, 1)
    return _about_first(back, -np.einsum("tij,tj->ti", back, t))


def _about_first(R: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
    """World-to-camera poses with the first camera as the world: both sides may choose another one."""
    turn = R @ R[0].T
    return {"R": turn, "t": t - np.einsum("tij,j->ti", turn, t[0])}


def _log(place: Place) -> dict[str, np.ndarray]:
    """What the extension was given, as text."""
    told = json.loads((place.folder / "home" / "droid.json").read_text())
    return {f"given {name}": np.array(json.dumps(value, sort_keys=True)) for name, value in told.items()}
