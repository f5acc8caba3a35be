"""A Gaussian mixture over poses, stored in the form used for evaluation, and its file formats."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.common.unpickle import read_pickle, to_array
from diffopt_core.data.rotation import matrix_to_axis_angle
from diffopt_core.errors import BadInput
from diffopt_core.perception.weights.cards import OwnWeights
from jaxtyping import Float
from torch import Tensor


def pose_vector(pose: Float[Tensor, "*b 24 3 3"], dimensions: int) -> Float[Tensor, "*b D"]:
    """Axis-angles (rad, norm at most pi) of joints 1 to D / 3, concatenated as in SMPL."""
    return matrix_to_axis_angle(pose[..., 1 : 1 + dimensions // 3, :, :]).flatten(-2)


@dataclass(frozen=True)
class Mixture:
    """K Gaussians in D dimensions. ``whiten``: inverse Cholesky factors, lower; ``centre``: whitened means;
    ``constant``: -log w_k + log det(Sigma_k) / 2 + D log(2 pi) / 2."""

    whiten: Float[Tensor, "K D D"]
    centre: Float[Tensor, "K D"]
    constant: Float[Tensor, "K"]

    @classmethod
    def of(
        cls, weights: Float[Tensor, "K"], means: Float[Tensor, "K D"], covariances: Float[Tensor, "K D D"]
    ) -> Mixture:
        """Raises ``torch.linalg.LinAlgError`` if a covariance is not positive definite."""
        factor = torch.linalg.cholesky(covariances)
        eye = torch.eye(means.shape[1], dtype=means.dtype).expand_as(factor)
        whiten = torch.linalg.solve_triangular(factor, eye, upper=False)
        centre = (whiten @ means.unsqueeze(-1)).squeeze(-1)
        half_log_det = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return cls(whiten, centre, half_log_det - weights.log() + 0.5 * means.shape[1] * log(2 * pi))

    def to(self, device: torch.device, dtype: torch.dtype) -> Mixture:
        """A copy on another device and dtype."""
        return Mixture(*(part.to(device, dtype) for part in (self.whiten, self.centre, self.constant)))

    def component_nll(self, x: Float[Tensor, "*b D"]) -> Float[Tensor, "*b K"]:
        """``-log w_k N(x; mu_k, Sigma_k)`` of each component, nats, in one matrix product."""
        dimensions = self.whiten.shape[-1]
        white = (x @ self.whiten.reshape(-1, dimensions).T).unflatten(-1, (-1, dimensions)) - self.centre
        return 0.5 * white.square().sum(-1) + self.constant

    def nll(self, x: Float[Tensor, "*b D"]) -> Float[Tensor, "*b"]:
        """Negative log-likelihood of the best component: the sum over components replaced by its largest term."""
        return self.component_nll(x).amin(-1)

    def energy(self, pose: Float[Tensor, "*b 24 3 3"]) -> Float[Tensor, "*b"]:
        """``(nll - lowest nll) / D``."""
        dimensions = self.whiten.shape[-1]
        return (self.nll(pose_vector(pose, dimensions)) - self.constant.amin()) / dimensions


#: Joints 1 to 21, or 1 to 23 with the hands.
DIMENSIONS = (63, 69)
_ORIGIN = (
    "SMPLify's gmm_08.pkl comes with its code (https://smplify.is.tue.mpg.de) and with smplx-based projects; "
    "`diffopt train gmm --data FOLDER --out FOLDER` fits your own"
)
_WEIGHTS = OwnWeights("gmm", Path(__file__).parent / "weights", {"format": 1}, _ORIGIN, published=(".pkl",))
#: Keys of SMPLify's pickle -> our names.
_PICKLED = {"weights": "weights", "means": "means", "covars": "covariances"}


def resolve(weights: str) -> Path:
    """The file for a shipped name ("open") or a path; the error says where to get it and where to put it."""
    path = _WEIGHTS.file(weights)
    if path.suffix.lower() not in (".safetensors", ".pkl"):
        raise BadInput(path, "file", f"a .safetensors or .pkl file is expected; {_ORIGIN}")
    return _WEIGHTS.resolve(weights)


def load(path: Path) -> Mixture:
    """The mixture of a file, float64 on the CPU."""
    if path.suffix.lower() == ".pkl":
        found = _pickled(path)
        return _checked(path, found, {ours: theirs for theirs, ours in _PICKLED.items()})
    found, _ = _WEIGHTS.read(path)
    return _checked(path, found, {name: name for name in _PICKLED.values()})


def _pickled(path: Path) -> dict[str, Tensor]:
    """Arrays of SMPLify's file under our names."""
    content = read_pickle(path)
    if not isinstance(content, dict):
        raise BadInput(path, "pickle", f"contains a {type(content).__name__}, expected a dictionary; {_ORIGIN}")
    found = {}
    for theirs, ours in _PICKLED.items():
        if theirs not in content:
            continue
        try:
            found[ours] = torch.from_numpy(to_array(content[theirs]).astype(np.float64))
        except (ValueError, TypeError, KeyError) as error:
            raise BadInput(path, theirs, f"not an array of numbers ({error}); {_ORIGIN}") from error
    return found


def _checked(path: Path, found: dict[str, Tensor], key_of: dict[str, str]) -> Mixture:
    """The mixture; raises BadInput with the file's own key name."""
    for name, key in key_of.items():
        if name not in found:
            raise BadInput(path, key, f"missing; expected {', '.join(key_of.values())}; {_ORIGIN}")
    weights, means, covariances = (found[name].double() for name in ("weights", "means", "covariances"))
    if means.ndim != 2 or means.shape[1] not in DIMENSIONS or len(means) < 1:
        raise BadInput(path, key_of["means"], f"has shape {tuple(means.shape)}, expected K x 69 or K x 63; {_ORIGIN}")
    count, dimensions = means.shape
    for name, value, shape in (
        ("weights", weights.squeeze(), (count,) if count > 1 else ()),
        ("covariances", covariances, (count, dimensions, dimensions)),
    ):
        if value.shape != shape:
            raise BadInput(path, key_of[name], f"has shape {tuple(found[name].shape)}, expected {shape}; {_ORIGIN}")
    for name in key_of:
        if not bool(found[name].isfinite().all()):
            raise BadInput(path, key_of[name], f"contains NaN or infinity; {_ORIGIN}")
    if not bool((weights > 0).all()):
        raise BadInput(path, key_of["weights"], f"must all be positive; {_ORIGIN}")
    weights = weights.reshape(count) / weights.sum()
    try:
        return Mixture.of(weights, means, 0.5 * (covariances + covariances.mT))
    except torch.linalg.LinAlgError as error:
        raise BadInput(path, key_of["covariances"], f"not positive definite; {_ORIGIN}") from error


def save(path: Path, state: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write ``weights``, ``means``, ``covariances`` as float32, and the card; each is replaced in one step."""
    _WEIGHTS.write(path, {key: value.float() for key, value in state.items()}, card)
