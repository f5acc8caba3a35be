"""PromptHMR: ``results.pkl`` by ``pipeline/world.py`` and the end of ``pipeline/pipeline.py``."""

from __future__ import annotations

import os
import types

import numpy as np
from upstream import Place, Row

from systems import _saved

ROW = Row(
    "PromptHMR",
    "github.com/yufu-wang/PromptHMR",
    ("torch", "joblib", "scipy"),
    replaced={"network and SLAM": "need a GPU; a random person and camera instead", "floor": "is given"},
    random="a person, cameras, SMPL-X",
    tolerance=_saved.METRES,
)
FLOOR = 0.3


def make(place: Place) -> None:
    import joblib
    import torch

    who = _saved.person(place.seed)
    pelvis = _saved.rest(_saved.model(place, "smplx")[1], who["betas"])
    back = np.diag([1.0, -1, -1])  # its world to that of its cameras, whose axes are the first camera's
    eye = np.tile(np.eye(3), (_saved.FRAMES, 32, 1, 1))
    rotmat = np.concatenate([who["orient_cam"][:, None], who["body"], eye[:, 1:]], 1)[:, :55]
    inside = {
        "rotmat": rotmat, "shape": np.tile(who["betas"], (_saved.FRAMES, 1)), "trans": who["pelvis_cam"] - pelvis,
        "pose": np.zeros((_saved.FRAMES, 75)),
    }  # fmt: skip
    camera = {
        "pred_cam_R": (back @ who["R"]).astype(np.float32),
        "pred_cam_T": ((who["t"] + [0, FLOOR, 0]) @ back).astype(np.float32),
        "img_focal": 900.0,
        "img_center": np.array([640.0, 360.0]),
    }
    frames = np.arange(_saved.FRAMES)
    inside = {key: value.astype(np.float32) for key, value in inside.items()}
    people = {1: {"frames": frames, "track_id": 1, "bboxes": np.zeros((_saved.FRAMES, 4)), "smplx_cam": inside}}

    def smplx(global_orient, transl=None, **_):
        joints = torch.from_numpy(pelvis).float().expand(len(global_orient), 55, 3)
        joints = joints if transl is None else joints + transl[:, None]
        return types.SimpleNamespace(joints=joints, vertices=joints)

    source = place.source
    os.chdir(source)
    turns = _saved.run((source / "prompt_hmr/utils/rotation_conversions.py").read_text())
    names = {
        key: turns[key] for key in ("matrix_to_axis_angle", "rotation_about_x", "rotation_about_y") if key in turns
    }
    names |= {"np": np, "torch": torch, "fit_floor_height": lambda *_: torch.tensor([0, FLOOR, 0])}
    made = _saved.run(_saved.cut(source / "pipeline/world.py", "def transform_smpl_params", "return results"), **names)
    cfg = types.SimpleNamespace(smooth_cam=False, use_spec_calib=False, use_floor_rectify=False)
    results = made["world_hps_estimation"](cfg, {"camera": camera, "people": people, "masks": None}, smplx)
    code = _saved.cut(source / "pipeline/pipeline.py", "def cvt_to_numpy(d)", "d[k] = ")
    plain = _saved.run(code, torch=torch)["cvt_to_numpy"]
    this, folder = types.SimpleNamespace(results=results), str(place.folder)
    plain(results)
    code = _saved.cut(source / "pipeline/pipeline.py", "joblib.dump(self.results", "dump")
    _saved.run(code, self=this, seq_folder=folder, joblib=joblib)


def theirs(place: Place) -> dict[str, np.ndarray]:
    who = _saved.person(place.seed)
    return _saved.told(who, 21) | _saved.direction(who)


def ours(place: Place) -> dict[str, np.ndarray]:
    return _saved.converted(place, place.folder / "results.pkl", "smplx", 21, cameras=True)
