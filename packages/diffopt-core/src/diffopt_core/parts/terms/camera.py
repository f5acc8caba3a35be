"""Terms of the camera residual: small, close to the camera of the evidence, smooth over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import NonNegativeFloat, PositiveFloat

from ...config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ...interfaces import Energy, ProblemContext
    from ...types import Scene


class CameraRotationConfig(TermConfig):
    """``|b_R|^2``, mean over all frames (not in the paper, whose eq. 7 leaves the bias of sec. 3.3.2 free)."""

    ragged: ClassVar[bool] = True

    def build(self, ctx: ProblemContext) -> Energy:
        from ...data.ragged import own_mean

        own = ctx.own

        def energy(scene: Scene) -> Tensor:
            return own_mean(scene.residual["rotation"].square().sum(-1), own)

        return energy


class CameraTranslationConfig(TermConfig):
    """``|b_t|^2``, m^2, mean over all frames (not in the paper; ``b_t`` of sec. 3.3.2).

    ``robust``: width of a Geman-McClure error, m.
    """

    ragged: ClassVar[bool] = True

    robust: PositiveFloat | None = None

    def build(self, ctx: ProblemContext) -> Energy:
        from ...data.ragged import own_mean
        from .kit import maybe_robust

        own = ctx.own

        def energy(scene: Scene) -> Tensor:
            return own_mean(maybe_robust(scene.residual["translation"].square().sum(-1), self.robust), own)

        return energy


class _FactorConfig(TermConfig):
    """``(log s)^2`` of a factor of the residual, mean over all frames (not in the paper)."""

    ragged: ClassVar[bool] = True
    factor: ClassVar[str]

    def build(self, ctx: ProblemContext) -> Energy:
        from ...data.ragged import own_mean
        from .kit import soft_log

        own = ctx.own

        def energy(scene: Scene) -> Tensor:
            return own_mean(soft_log(scene.residual[self.factor].squeeze(-1)).square(), own)

        return energy


class CameraScaleConfig(_FactorConfig):
    """``(log s_t)^2``, mean over all frames (not in the paper; ``s_t`` of sec. 3.3.2)."""

    factor: ClassVar[str] = "scale"


class CameraFocalConfig(_FactorConfig):
    """``(log s_f)^2``, mean over all frames (not in the paper; ``s_f`` of sec. 3.3.2)."""

    factor: ClassVar[str] = "focal"


class CameraSmoothConfig(TermConfig):
    """Squared change over time, mean over all frames (not in the paper, where frames are independent).

    ``of``: ``residual`` uses ``b_t`` (m), ``b_R`` and ``s_t``, so jitter of the original path is not penalised;
    ``path`` uses the camera's centre (m) and rotation matrix. ``order`` 1 is velocity, 2 acceleration; time is in
    seconds. ``position``, ``rotation``, ``scale`` weigh the parts.
    """

    ragged: ClassVar[bool] = True

    of: Literal["residual", "path"] = "residual"
    order: Literal[1, 2] = 2
    position: NonNegativeFloat = 1.0
    rotation: NonNegativeFloat = 1.0
    scale: NonNegativeFloat = 1.0

    def build(self, ctx: ProblemContext) -> Energy:
        from .kit import steps

        counted = None if ctx.own is None else steps(ctx.own, order=self.order)
        count = max(ctx.camera.t.shape[1] - self.order, 1) if counted is None else counted.sum(1).clamp_min(1)
        rate = ctx.fps ** (2 * self.order) / count

        def change(path: Tensor) -> Tensor:
            # A part with one value per clip has no differences and sums to zero.
            squared = path.diff(n=min(self.order, path.shape[1]), dim=1).square().flatten(2)
            if counted is not None and path.shape[1] > 1:
                squared = squared * counted.unsqueeze(-1)
            return squared.flatten(1).sum(1) * rate

        def energy(scene: Scene) -> Tensor:
            if self.of == "path":
                return self.position * change(scene.camera.position) + self.rotation * change(scene.camera.R)
            residual = scene.residual
            moving = self.position * change(residual["translation"]) + self.rotation * change(residual["rotation"])
            return moving + self.scale * change(residual["scale"])

        return energy
