"""NeMo's motion field and error a second time: plain NumPy in float64, from what the paper and its code say they do.

The code has no licence, so none of its arrays may stand in ``golden``; these have the same names.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from goldens import Arrays
from scipy.spatial.transform import Rotation

Array = np.ndarray


def perceptron(weights: dict[str, Array], layers: tuple[str, ...], x: Array) -> Array:
    """Linear layers with ReLU between them."""
    for name in layers:
        x = np.maximum(x, 0) if name is not layers[0] else x
        x = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return x


def rotations(six: Array) -> Array:
    """Gram-Schmidt of the two interleaved columns, ``[N, J * 6]`` to ``[N, J, 3, 3]``."""
    first, second = np.moveaxis(six.reshape(len(six), -1, 3, 2), -1, 0)
    x = first / np.linalg.norm(first, axis=-1, keepdims=True)
    y = second - (x * second).sum(-1, keepdims=True) * x
    y /= np.linalg.norm(y, axis=-1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def moved(points: Array, onto: Array, scale: bool) -> Array:
    """Points ``[N, 3]`` after the best rigid (or similarity) motion onto others."""
    a, b = points - points.mean(0), onto - onto.mean(0)
    turned = Rotation.align_vectors(b, a)[0].apply(a)
    return (turned * b).sum() / (a**2).sum() * turned + onto.mean(0) if scale else turned + onto.mean(0)


def networks(draw: np.random.Generator, phase: Array, width: int = 16) -> dict[str, Array]:
    """The three networks of the first version, random, and what they give."""
    out: dict[str, Array] = {}
    bodies = {"pose": 23, "orient": 1, "trans": 0}
    for name, joints in bodies.items():
        layers = ("net.net.0", "net.net.2", "net.net.4", "linear") if joints else ("net.0", "net.2", "net.4")
        widths = [1, *[width] * (len(layers) - 1), 6 * joints or 3]
        net = {}
        for layer, (a, b) in zip(layers, pairwise(widths), strict=True):
            net[f"{layer}.weight"] = draw.normal(size=(b, a)) / np.sqrt(a)
            net[f"{layer}.bias"] = 0.3 * draw.normal(size=b)
        out |= {f"v0_{name}/sd/{key}": value for key, value in net.items()}
        found = perceptron(net, layers, phase)
        if not joints:
            out |= {"v0_trans/raw": found, "v0_trans/trans": found - found[:1]}
            continue
        matrices = rotations(found)
        vectors = Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_rotvec().reshape(len(phase), -1)
        out |= {f"v0_{name}/rot6d": found, f"v0_{name}/rotmat": matrices, f"v0_{name}/pose": vectors}
    return out


def phases(draw: np.random.Generator, phase: Array) -> dict[str, Array]:
    """Radial functions of the phase, and its monotone warp."""
    centres, widths = np.linspace(0, 1, 7)[:, None], draw.normal(size=7)
    distance = (phase - centres.T) ** 2 / np.exp(widths)
    shifts, scales = draw.uniform(size=5), draw.uniform(3, 20, 5)

    def rise(at: Array) -> Array:
        return (1 / (1 + np.exp(-scales * (at - shifts)))).mean(-1, keepdims=True)

    start, end = rise(np.zeros((1, 1))), rise(np.ones((1, 1)))
    return {
        "v2_rbf/sd/centres": centres, "v2_rbf/sd/log_sigmas": widths, "v2_rbf/out_linear": distance,
        "v2_rbf/out_quadratic": distance**2, "v2_rbf/out_gaussian": np.exp(-(distance**2)),
        "monotonic/sd/shifts": shifts, "monotonic/sd/scales": scales,
        "monotonic/out": (rise(phase) - start) / (end - start),
    }  # fmt: skip


def errors(draw: np.random.Generator) -> dict[str, Array]:
    """Pixels, the robust error of their residuals, and the error of a whole sequence after one rigid alignment."""
    residual = draw.normal(size=(3, 9, 2)) * np.array([3, 80, 400])[:, None, None]
    squared, length = residual**2, np.linalg.norm(residual, axis=-1, keepdims=True)
    points, turn = draw.normal(size=(4, 5, 3)), Rotation.random(4, random_state=0).as_matrix()
    shift, focal, centre = np.array([[0.2, -0.1, 6.0]] * 4), draw.uniform(400, 900, 4), draw.uniform(200, 500, (4, 2))
    seen = np.einsum("nij,npj->npi", turn, points) + shift[:, None]
    gt = draw.normal(size=(6, 40, 3))
    pred = (gt + 0.05 * draw.normal(size=gt.shape)) @ Rotation.from_rotvec([0.4, -0.8, 0.2]).as_matrix() + [1, 2, 3]
    aligned = moved(pred.reshape(-1, 3), gt.reshape(-1, 3), scale=False).reshape(gt.shape)
    each = np.stack([moved(p, g, scale=True) for p, g in zip(pred, gt, strict=True)])
    return {
        "gmof/residual_px": residual, "gmof/nosqrt": squared * 1e4 / (squared + 1e4),
        "gmof/sqrt": length * 1e4 / (length + 1e4),
        "projection/points": points, "projection/rotation": turn, "projection/translation": shift,
        "projection/focal": focal, "projection/center": centre,
        "projection/out": focal[:, None, None] * seen[..., :2] / seen[..., 2:] + centre[:, None],
        "gmpjpe/gt": gt, "gmpjpe/pred": pred, "gmpjpe/aligned": aligned,
        "gmpjpe/mm": 1e3 * np.linalg.norm(aligned - gt, axis=-1).mean(),
        "gmpjpe/mm_pa": 1e3 * np.linalg.norm(each - gt, axis=-1).mean(),
    }  # fmt: skip


def arrays() -> Arrays:
    """All of them; the networks rounded to float32 at the end, as a golden file holds them."""
    draw = np.random.default_rng(0)
    phase = np.linspace(0, 1, 13)[:, None]
    single = {"phase": phase, **networks(draw, phase), **phases(draw, phase)}
    return {k: torch.as_tensor(v).float() for k, v in single.items()} | {
        k: torch.as_tensor(v) for k, v in errors(draw).items()
    }
