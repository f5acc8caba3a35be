"""TRAM: ``hps_track_0.npy`` by ``HMR_VIMO.inference``, ``camera.npy`` by the end of ``estimate_camera.py``."""

from __future__ import annotations

import types

import numpy as np
from upstream import Place, Row

from systems import _saved

ROW = Row(
    "TRAM",
    "github.com/yufu-wang/tram",
    ("torch", "scipy"),
    replaced={"network and SLAM": "need a GPU; a random person and camera instead"},
    random="a person, cameras, SMPL",
    tolerance=_saved.METRES,
)


def make(place: Place) -> None:
    import torch

    who = {key: torch.from_numpy(value).float() for key, value in _saved.person(place.seed).items()}
    pelvis = torch.from_numpy(_saved.rest(_saved.model(place, "smpl")[1], who["betas"].numpy())).float()
    rotations = torch.cat([who["orient_cam"][:, None], who["body"]], 1)
    found = {
        "pred_cam": torch.zeros(_saved.FRAMES, 3), "pred_pose": torch.zeros(_saved.FRAMES, 144),
        "pred_shape": who["betas"].expand(_saved.FRAMES, -1), "pred_rotmat": rotations,
        "pred_trans": (who["pelvis_cam"] - pelvis)[:, None],
    }  # fmt: skip
    code = _saved.cut(place.source / "lib/models/hmr_vimo.py", "def inference(self", "return results")
    tools = place.source / "lib/utils" / "utils.py"
    where = next(
        p for p in (tools, *sorted((place.source / "lib").rglob("*.py"))) if "def parse_chunks(" in p.read_text()
    )
    code += "\n" + _saved.cut(where, "def parse_chunks(", "return")
    names = _saved.run(code, np=np, torch=torch)
    fake = types.SimpleNamespace(inference_chunk=lambda *_, **__: found)
    frames, boxes = np.arange(_saved.FRAMES), np.zeros((_saved.FRAMES, 5))
    results = names["inference"](fake, [str(i) for i in frames], boxes, frame=frames)
    scripts, folder = place.source / "scripts", place.folder / "results"
    (folder / "hps").mkdir(parents=True, exist_ok=True)
    _saved.run(
        _saved.cut(scripts / "estimate_humans.py", "np.save(f'{hps_folder}", "np.save"), np=np, results=results, k=0,
        hps_folder=str(folder / "hps"),
    )  # fmt: skip
    calibration = np.array([900.0, 900.0, 640.0, 360.0])
    _saved.run(
        _saved.cut(scripts / "estimate_camera.py", "camera = {", "np.save"), np=np, seq_folder=str(folder),
        cam_R=who["R"], cam_T=who["t"], wd_cam_R=who["R"], wd_cam_T=who["t"], cam_int=calibration, spec_f=900.0,
    )  # fmt: skip


def theirs(place: Place) -> dict[str, np.ndarray]:
    who = _saved.person(place.seed)
    return _saved.told(who) | _saved.direction(who)


def ours(place: Place) -> dict[str, np.ndarray]:
    return _saved.converted(place, place.folder / "results" / "hps" / "hps_track_0.npy", "smpl", cameras=True)
