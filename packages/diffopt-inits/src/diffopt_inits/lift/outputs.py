"""Outputs of the network for each frame: means and log variances.

Camera frame: OpenCV axes. Lengths are in leg lengths (thigh plus shin), because 2D keypoints do not determine the size
of the body; the caller multiplies by the leg length.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.data.rotation import columns_to_matrix
from jaxtyping import Float
from torch import Tensor

#: Root and 21 joints, without the hands.
ROTATIONS = 22
#: Channels by name, in order, with their initial values.
_PARTS: tuple[tuple[str, list[float]], ...] = (
    # 6D columns; the root faces the camera upright
    ("rotations", [1.0, 0.0, 0.0, 0.0, -1.0, 0.0] + [1.0, 0.0, 0.0, 0.0, 1.0, 0.0] * (ROTATIONS - 1)),
    ("up", [0.0, -1.0, 0.0]),
    ("depth", [0.0]),
    ("ray", [0.0, 0.0]),
    ("velocity", [0.0, 0.0, 0.0]),
    ("contact", [0.0] * 4),
    ("rotations_log_var", [-3.0] * ROTATIONS),
    ("up_log_var", [-4.0]),
    ("depth_log_var", [-4.0]),
    ("ray_log_var", [-4.0]),
    ("velocity_log_var", [-2.0] * 3),
)
START = [value for _, values in _PARTS for value in values]
WIDTH = len(START)
#: Limits of log variances.
_LOG_VAR = (-12.0, 4.0)


@dataclass(frozen=True)
class Outputs:
    """Outputs of each frame; variances are per axis.

    ``rotations``: root in the camera frame, then 21 joints in their parents' frames, rad^2. ``up``: unit vector, and
    the variance of its direction, rad^2. ``depth``: log of the pelvis' depth times the observed size (:mod:`.inputs`)
    in legs. ``ray``: pelvis from the observed centre in observed sizes. ``velocity``: of the pelvis, legs per second:
    in the heading frame (left, up, forward). ``contact``: logits.
    """

    rotations: Float[Tensor, "*b 22 3 3"]
    up: Float[Tensor, "*b 3"]
    depth: Float[Tensor, "*b"]
    ray: Float[Tensor, "*b 2"]
    velocity: Float[Tensor, "*b 3"]
    contact: Float[Tensor, "*b 4"]
    rotations_log_var: Float[Tensor, "*b 22"]
    up_log_var: Float[Tensor, "*b"]
    depth_log_var: Float[Tensor, "*b"]
    ray_log_var: Float[Tensor, "*b"]
    velocity_log_var: Float[Tensor, "*b 3"]


def read(raw: Float[Tensor, "*b W"]) -> Outputs:
    """Convert raw outputs: rotations are orthonormalised, the vertical is normalised, variances are bounded."""
    sizes = [len(values) for _, values in _PARTS]
    part = dict(zip((name for name, _ in _PARTS), raw.split(sizes, -1), strict=True))
    log_var = {
        name: part[f"{name}_log_var"].clamp(*_LOG_VAR) for name in ("rotations", "up", "depth", "ray", "velocity")
    }
    return Outputs(
        rotations=columns_to_matrix(part["rotations"].unflatten(-1, (ROTATIONS, 6))),
        up=torch.nn.functional.normalize(part["up"], dim=-1),
        depth=part["depth"].squeeze(-1),
        ray=part["ray"],
        velocity=part["velocity"],
        contact=part["contact"],
        rotations_log_var=log_var["rotations"],
        up_log_var=log_var["up"].squeeze(-1),
        depth_log_var=log_var["depth"].squeeze(-1),
        ray_log_var=log_var["ray"].squeeze(-1),
        velocity_log_var=log_var["velocity"],
    )
