"""Body model files of the true layout with random arrays."""

from __future__ import annotations

import numpy as np

#: Vertices, joints and pose blend shapes of each model; parents of the 24 joints that all share (SMPL-X: its first 22).
VERTICES = {"smpl": 6890, "smplh": 6890, "smplx": 10475}
JOINTS = {"smpl": 24, "smplh": 52, "smplx": 55}
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)


def parents(model: str) -> np.ndarray:
    hands = [[wrist if i % 3 == 0 else -1 for i in range(15)] for wrist in (20, 21)]
    tail = {"smpl": [20, 21], "smplh": [], "smplx": [15, 15, 15]}[model]
    out = [*PARENTS, *tail]
    if model != "smpl":
        for hand in hands:
            for parent in hand:
                out.append(parent if parent >= 0 else len(out) - 1)
    return np.array(out)


def arrays(model: str, seed: int, betas: int = 10) -> dict[str, np.ndarray]:
    """Arrays of a model file: a cloud of points around a skeleton, 1.7 m high."""
    draw, count, joints = np.random.default_rng(seed), VERTICES[model], JOINTS[model]
    regressor = np.zeros((joints, count))
    for row in regressor:
        row[draw.choice(count, 30, replace=False)] = 1 / 30
    weights = draw.dirichlet(np.full(4, 0.5), count)
    skin = np.zeros((count, joints))
    np.put_along_axis(skin, np.stack([draw.choice(joints, 4, replace=False) for _ in range(count)]), weights, 1)
    extra = 20 if model == "smplx" and betas >= 300 else 0
    table = np.stack([parents(model), np.arange(joints)])
    table[0, 0] = 2**32 - 1  # as published
    faces = draw.integers(0, count, ({"smplx": 20908}.get(model, 13776), 3))
    return {
        "v_template": draw.normal(0, 0.3, (count, 3)),
        "shapedirs": draw.normal(0, 0.01, (count, 3, betas + (100 if extra else 0))),
        "posedirs": draw.normal(0, 0.001, (count, 3, 9 * (joints - 1))),
        "J_regressor": regressor,
        "weights": skin,
        "kintree_table": table.astype(np.uint32),
        "f": faces.astype(np.uint32),
    }
