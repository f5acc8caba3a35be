"""GVHMR: ``hmr4d_results.pt`` by ``DemoPL.predict`` and the end of ``tools/demo/demo.py``."""

from __future__ import annotations

import types

import numpy as np
from upstream import Place, Row

from systems import _saved

ROW = Row(
    "GVHMR",
    "github.com/zju3dv/GVHMR",
    ("torch", "scipy"),
    replaced={"the network's pipeline": "needs a GPU; a random person instead"},
    random="a person, SMPL-X",
    tolerance=_saved.METRES,
)


def make(place: Place) -> None:
    import torch
    from scipy.spatial.transform import Rotation

    who = _saved.person(place.seed)
    pelvis = _saved.rest(_saved.model(place, "smplx")[1], who["betas"])

    def vectors(matrices: np.ndarray) -> np.ndarray:
        return Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_rotvec().reshape(_saved.FRAMES, -1)

    def params(end: str) -> dict[str, torch.Tensor]:
        held = {
            "body_pose": vectors(who["body"][:, :21]), "betas": np.tile(who["betas"], (_saved.FRAMES, 1)),
            "global_orient": vectors(who[f"orient{end}"]), "transl": who[f"pelvis{end}"] - pelvis,
        }  # fmt: skip
        return {key: torch.from_numpy(value).float()[None] for key, value in held.items()}

    outputs = {"pred_smpl_params_global": params(""), "pred_smpl_params_incam": params("_cam")}
    K = torch.tensor([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]]).expand(_saved.FRAMES, 3, 3)
    file = place.source / "hmr4d" / "model" / "gvhmr" / "gvhmr_pl_demo.py"
    code = _saved.cut(file, "pred = {", "        }")
    code += "\n" + _saved.cut(
        place.source / "tools" / "demo" / "demo.py", "torch.save(pred, paths.hmr4d_results)", "save"
    )
    paths = types.SimpleNamespace(hmr4d_results=str(place.folder / "hmr4d_results.pt"))
    _saved.run(code, outputs=outputs, data={"K_fullimg": K}, paths=paths, torch=torch)


def theirs(place: Place) -> dict[str, np.ndarray]:
    return _saved.told(_saved.person(place.seed), 21)


def ours(place: Place) -> dict[str, np.ndarray]:
    return _saved.converted(place, place.folder / "hmr4d_results.pt", "smplx", 21)
