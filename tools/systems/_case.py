"""Our side: the body in each camera frame, as ``diffopt prepare`` writes it."""

from __future__ import annotations

import numpy as np
from upstream import Place

from systems import _clip


def padded(boxes: np.ndarray, by: float = 1.2) -> np.ndarray:
    """The boxes that our initializers use: a fifth larger about their centres."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * by
    return np.concatenate([centre - half, centre + half], -1)


def prepare(place: Place, *words: object, frames: int = _clip.FRAMES) -> dict[str, np.ndarray]:
    """The case of the clip: keypoints of the file and a camera that stands, but for what ``words`` choose."""
    video, keypoints = _clip.write(place.folder, place.seed, frames)
    camera = [] if "--camera" in words else ["--camera", "static", "--set", "camera.force=true"]
    still = [*camera, "--focal", f"{_clip.FOCAL}px"]
    detector = [] if "--detector" in words else ["--detector", f"vitpose={keypoints}"]
    out = place.folder / "case.npz"
    place.diffopt("prepare", video, *detector, *still, *words, "--out", out, "--overwrite", "--no-picture", "--fresh")
    with np.load(out) as file:
        return {key: file[key] for key in file.files}


def body_of_case(place: Place, *words: object) -> dict[str, np.ndarray]:
    """``rotations`` T 24 3 3 (the first is the root), ``betas`` 10, ``transl`` T 3 as SMPL counts it."""
    import torch
    from diffopt_core.data.rotation import axis_angle_to_matrix
    from diffopt_formats.pelvis import PUBLISHED

    case = prepare(place, *words)
    turns = np.concatenate([case["init_global_orient"][:, None], case["init_body_pose"]], 1)
    return {
        "rotations": axis_angle_to_matrix(torch.from_numpy(turns).double()).numpy(),
        "betas": case["init_betas"],
        "transl": case["init_transl"] - np.array(PUBLISHED["smpl"]),
    }
