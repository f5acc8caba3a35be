"""smplx: body model files in every form that they are published in, read and posed."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from upstream import Place, Row

from systems import _bodies

#: File, body model, shape components: as the sites of SMPL, SMPL-X and MANO name them.
FILES = {
    "smpl/basicModel_f_lbs_10_207_0_v1.0.0.pkl": ("smpl", "female", 10),
    "smpl/basicmodel_m_lbs_10_207_0_v1.0.0.pkl": ("smpl", "male", 10),
    "smpl110/basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl": ("smpl", "neutral", 300),
    "plain/SMPL_NEUTRAL.pkl": ("smpl", "neutral", 10),
    "npz/SMPL_FEMALE.npz": ("smpl", "female", 300),
    "smplh/SMPLH_MALE.pkl": ("smplh", "male", 16),
    "smplh/neutral/model.npz": ("smplh", "neutral", 16),
    "smplx/SMPLX_NEUTRAL.npz": ("smplx", "neutral", 400),
    "smplx/SMPLX_FEMALE.pkl": ("smplx", "female", 20),
}
ROW = Row(
    "smplx",
    "github.com/vchoutas/smplx",
    ("torch", "scipy"),
    replaced={"chumpy": "no longer installs"},
    random="model files",
    tolerance={f"{file}/{what}": 1e-5 for file in FILES for what in ("rest", "joints", "vertices")},
)
FRAMES = 3


def motion(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations T 24 3 as axis-angle, betas 10, position of the pelvis T 3."""
    draw = np.random.default_rng(seed)
    return draw.normal(0, 0.5, (FRAMES, 24, 3)), draw.normal(size=10), draw.normal(size=(FRAMES, 3))


def make(place: Place) -> None:
    """Files of the true layout: pickles of SMPL 1.0.0 hold chumpy arrays and a sparse regressor, archives objects."""
    import chumpy
    import scipy.sparse

    for number, (name, (model, _, betas)) in enumerate(FILES.items()):
        file = place.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        held = _bodies.arrays(model, place.seed + number, betas)
        if model != "smpl":
            held |= {f"hands_components{side}": np.zeros((45, 45)) for side in "lr"}
            held |= {f"hands_mean{side}": np.zeros(45) for side in "lr"}
        if model == "smplx":
            held |= {"lmk_faces_idx": np.zeros(51, np.int64), "lmk_bary_coords": np.full((51, 3), 1 / 3)}
        if file.suffix == ".npz":
            extra = {"part2num": np.array({"head": 1}, dtype=object)} if model == "smplx" else {}
            np.savez(file, **held, **extra)
            continue
        if "1." in file.stem:
            held["J_regressor"] = scipy.sparse.csc_matrix(held["J_regressor"])
            for key in ("shapedirs", "posedirs", "v_template", "weights"):
                held[key] = chumpy.Ch(held[key])
            held |= {"bs_style": "lbs", "bs_type": "lrotmin"}
        with open(file, "wb") as out:
            pickle.dump(held, out, protocol=2)


def theirs(place: Place) -> dict[str, np.ndarray]:
    import smplx
    import torch
    from smplx.lbs import batch_rodrigues, vertices2joints

    turns, betas, pelvis = (torch.from_numpy(part) for part in motion(place.seed))
    out, betas = {}, betas[None]
    for name, (model, gender, _) in FILES.items():
        layer = {"smpl": smplx.SMPLLayer, "smplh": smplx.SMPLHLayer, "smplx": smplx.SMPLXLayer}[model]
        file = place.folder / name
        more = {"ext": file.suffix[1:]}
        if model == "smpl":  # this class reads pickles alone
            more = {"data_struct": smplx.utils.Struct(**np.load(file))} if file.suffix == ".npz" else {}
        if model == "smplx":
            more |= {"num_expression_coeffs": 10}
        body = layer(str(file), gender=gender, num_betas=10, dtype=torch.float64, **more)
        shaped = body.v_template + torch.einsum("bl,mkl->bmk", betas, body.shapedirs[..., :10])
        rest = vertices2joints(body.J_regressor, shaped)
        out[f"{name}/rest"] = rest[0].numpy()
        if model == "smpl":
            pose = batch_rodrigues(turns.reshape(-1, 3)).view(FRAMES, 24, 3, 3)
            posed = body(
                betas=betas.expand(FRAMES, -1), global_orient=pose[:, :1], body_pose=pose[:, 1:],
                transl=pelvis - rest[:, 0],
            )  # fmt: skip
            out |= {f"{name}/joints": posed.joints[:, :24].numpy(), f"{name}/vertices": posed.vertices.numpy()}
    return {key: value.astype(np.float32) for key, value in out.items()}


def ours(place: Place) -> dict[str, np.ndarray]:
    """The body ``smpl``, and the rest joints that readers of results take."""
    import torch
    from diffopt_core.data.rotation import axis_angle_to_matrix
    from diffopt_core.host.registry import Registry
    from diffopt_core.types import HumanMotion
    from diffopt_formats.pelvis import rest_joints

    turns, betas, pelvis = (torch.from_numpy(part) for part in motion(place.seed))
    registry, out = Registry.load(), {}
    for name, (model, gender, _) in FILES.items():
        file = place.folder / name
        out[f"{name}/rest"] = rest_joints(model, file).joints(betas.numpy())
        if model == "smpl":
            where = file if Path(name).parent.name != "smpl" else file.parent  # a folder is enough
            body = registry.build("body", "smpl", {"path": where, "gender": gender}, registry.context())
            moved = HumanMotion(
                axis_angle_to_matrix(turns)[None].float(), pelvis[None].float(), betas[None].float(), "smpl"
            )
            out |= {
                f"{name}/joints": body.joints(moved)[0].numpy(),
                f"{name}/vertices": body.vertices(moved)[0].numpy(),
            }
    return out
