"""The linear part of the denoiser: motion as a stationary Gaussian process, in closed form.

Motion is smooth and its 263 channels are redundant. In the basis of principal components over channels and cosines over
time, its coefficients z are nearly uncorrelated, with variances S that fall by orders of magnitude from slow to fast
and from the first component to the last. For z_t = alpha z + sigma eps the best linear estimate and its error are,
coefficient by coefficient::

    E[z | z_t] = c_skip z_t          c_skip = alpha S / (alpha^2 S + sigma^2)
    Var[z | z_t] = c_out^2           c_out^2 = S sigma^2 / (alpha^2 S + sigma^2)

for white noise. This is EDM's preconditioning (Karras et al. 2022, appendix B.6) with a data variance for every
coefficient instead of one for all. x0 = c_skip x_t + c_out F: white noise is removed before the network, a low noise
level returns its input, and the output cannot be rougher than motion. The path channels have separate components,
because they may have a separate noise level.

White noise hides slow coefficients, which hold thousands of times the mean variance, only close to the end of the
schedule. A denoiser that has learnt this trusts everything slow in its input, such as the direction of the path or a
limb that is wrong for a second. But regressors and SLAM make slow errors. So the noise may be coloured: its variance N
per coefficient is S^colour (mean 1, so that a level has the same meaning on average), sigma^2 above becomes sigma^2 N,
and slow and fast coefficients are hidden at the same levels.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

#: Least variance of a coefficient (1 = mean variance of the data), so that unseen motion is not erased.
_FLOOR = 2e-4
#: Added to a component's variance before it is scaled to 1 for the network.
_SMALL = 1e-2


def cosines(frames: int) -> Float[Tensor, "T T"]:
    """Orthonormal DCT-II: row k is the cosine of k half periods; float64."""
    n = torch.arange(frames, dtype=torch.float64)
    table = torch.cos(math.pi / frames * (n + 0.5) * n.unsqueeze(1)) * math.sqrt(2 / frames)
    table[0] /= math.sqrt(2)
    return table


def principal_components(x: Float[Tensor, "N D"], trajectory: Bool[Tensor, "D"]) -> Float[Tensor, "D D"]:
    """Orthonormal rows, by decreasing variance within body and trajectory; the rows of the trajectory are at the
    positions of its channels, so one mask applies to both."""
    basis = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64)
    for mask in (trajectory, ~trajectory):
        index = mask.nonzero().squeeze(1)
        part = x[:, index].double()
        _, vectors = torch.linalg.eigh(part.T @ part / len(part))
        basis[index.unsqueeze(1), index] = vectors.flip(1).T
    return basis.float()


def autocovariance(y: Float[Tensor, "B T D"]) -> Float[Tensor, "D T"]:
    """Mean of y[n] y[n + lag] for every lag below T, by component."""
    lags = [(y[:, : y.shape[1] - lag] * y[:, lag:]).mean((0, 1)) for lag in range(y.shape[1])]
    return torch.stack(lags, dim=1)


class Spectral(nn.Module):
    """``prepare(x_t) -> network inputs, linear estimate, c_out`` and ``finish(F) -> x0``."""

    def __init__(
        self,
        basis: Float[Tensor, "D D"],
        autocovariance: Float[Tensor, "D L"],
        trajectory: Bool[Tensor, "D"],
        colour: float = 0.0,
    ) -> None:
        super().__init__()
        self.exponent = colour
        self.register_buffer("basis", basis)
        self.register_buffer("autocovariance", autocovariance)
        self.register_buffer("trajectory", trajectory, persistent=False)
        self.basis: Tensor
        self.autocovariance: Tensor
        self.trajectory: Tensor
        self._tables: dict[tuple[int, torch.device, torch.dtype], tuple[Tensor, Tensor, Tensor]] = {}

    def tables(self, frames: int) -> tuple[Float[Tensor, "T T"], Float[Tensor, "T D"], Float[Tensor, "T D"]]:
        """Cosines, and variances of the coefficients of motion and of noise, for windows of ``frames``; computed once
        per length."""
        key = (frames, self.basis.device, self.basis.dtype)
        if key not in self._tables:
            dct = cosines(frames)
            known = self.autocovariance.double().cpu()
            # Beyond the longest measured lag the covariance is constant.
            reach = torch.arange(frames).clamp(max=known.shape[1] - 1)
            lagged = [(dct[:, : frames - lag] * dct[:, lag:]).sum(1) * (2 if lag else 1) for lag in range(frames)]
            variance = torch.stack(lagged, dim=1) @ known[:, reach].T
            variance = variance.clamp(min=_FLOOR)
            noise = variance**self.exponent
            for group in (self.trajectory.cpu(), ~self.trajectory.cpu()):
                if bool(group.any()):
                    noise[:, group] /= noise[:, group].mean()
            self._tables[key] = (dct.to(self.basis), variance.to(self.basis), noise.to(self.basis))
        return self._tables[key]

    def colour(self, white: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Coloured noise from white noise, which is used as the coefficients (an orthonormal basis keeps it white)."""
        if self.exponent == 0:
            return white
        dct, _, noise = self.tables(white.shape[1])
        return (dct.T @ (noise.sqrt() * white)) @ self.basis

    def error(self, frames: int, alpha: Tensor, sigma: Tensor) -> Float[Tensor, "... T D"]:
        """c_out^2: squared error of the linear estimate, coefficient by coefficient."""
        _, variance, noise = self.tables(frames)
        blurred = sigma**2 * noise
        return variance * blurred / (alpha**2 * variance + blurred)

    def prepare(
        self, x_t: Float[Tensor, "B T D"], alpha: Float[Tensor, "B 1 D"], sigma: Float[Tensor, "B 1 D"]
    ) -> tuple[Float[Tensor, "B T 2*D"], Float[Tensor, "B T D"], Float[Tensor, "B T D"]]:
        """Inputs of the network (noisy and estimated components, unit variance), the estimate in components over
        time, and c_out of every coefficient. ``alpha`` and ``sigma`` are those of the components."""
        dct, variance, noise = self.tables(x_t.shape[1])
        y = x_t @ self.basis.T
        blurred = sigma**2 * noise
        total = alpha**2 * variance + blurred
        estimate = dct.T @ (alpha * variance / total * (dct @ y))
        out = (variance * blurred / total).sqrt()
        power = self.autocovariance[:, 0]
        noisy = y * (alpha**2 * power + sigma**2 * noise.mean(0)).rsqrt()
        return torch.cat([noisy, estimate * (power + _SMALL).rsqrt()], dim=2), estimate, out

    def finish(
        self, estimate: Float[Tensor, "B T D"], out: Float[Tensor, "B T D"], answer: Float[Tensor, "B T D"]
    ) -> Float[Tensor, "B T D"]:
        """x0 from the estimate and the network's output F."""
        dct, _, _ = self.tables(estimate.shape[1])
        return (estimate + dct.T @ (out * (dct @ answer))) @ self.basis
