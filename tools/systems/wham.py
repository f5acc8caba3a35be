"""WHAM: ``wham_output.pkl`` by the end of ``demo.py``."""

from __future__ import annotations

import os.path
import types

import numpy as np
from upstream import Place, Row

from systems import _saved

ROW = Row(
    "WHAM",
    "github.com/yohanshin/WHAM",
    ("torch", "joblib", "scipy"),
    random="a person, SMPL",
    tolerance=_saved.METRES,
)


def make(place: Place) -> None:
    import sys

    import joblib
    import torch

    sys.path.insert(0, str(place.source))
    from lib.utils.transforms import matrix_to_axis_angle

    who = {key: torch.from_numpy(value).float() for key, value in _saved.person(place.seed).items()}
    pelvis = _saved.rest(_saved.model(place, "smpl")[1], who["betas"].numpy())
    offset = torch.randn(_saved.FRAMES, 3)  # of the middle of the hips in a body that is not moved
    pred = {
        "poses_body": who["body"], "poses_root_cam": who["orient_cam"][:, None],
        "poses_root_world": who["orient"][None],
        "trans_cam": who["pelvis_cam"] - torch.from_numpy(pelvis).float() + offset,
        "trans_world": (who["pelvis"] - torch.from_numpy(pelvis).float())[None],
        "betas": who["betas"].expand(1, _saved.FRAMES, -1), "verts_cam": torch.zeros(_saved.FRAMES, 6890, 3),
    }  # fmt: skip
    code = _saved.cut(place.source / "demo.py", "# ========= Store results", "results[_id]['frame_ids']")
    code += "\n" + _saved.cut(place.source / "demo.py", "if save_pkl:", "joblib.dump")
    network = types.SimpleNamespace(output=types.SimpleNamespace(offset=offset))
    _saved.run(
        code, pred=pred, network=network, results={0: {}}, _id=0, frame_id=np.arange(_saved.FRAMES), np=np,
        matrix_to_axis_angle=matrix_to_axis_angle, joblib=joblib, osp=os.path, output_pth=str(place.folder),
        save_pkl=True,
    )  # fmt: skip


def theirs(place: Place) -> dict[str, np.ndarray]:
    return _saved.told(_saved.person(place.seed))


def ours(place: Place) -> dict[str, np.ndarray]:
    return _saved.converted(place, place.folder / "wham_output.pkl", "smpl")
