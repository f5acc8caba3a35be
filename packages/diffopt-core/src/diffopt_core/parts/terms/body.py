"""Terms of the motion: close to the initial one, close to known velocities, smooth."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ...config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ...interfaces import Energy, ProblemContext
    from ...types import Scene


class PoseConfig(TermConfig):
    """``|f_theta(tau_t) - theta_init|^2`` of eq. 5 and 6: the 23 body joints, mean over valid frames.

    ``metric``: see :func:`.kit.squared_distance`. ``joints``: the paper writes a sum over joints; the mean makes the
    weight independent of their number (sum = 23 x mean). ``sure``: if the initializer estimates variances, joints are
    weighted by them; a joint with this standard deviation (rad) has weight 1. null: equal weights.
    """

    ragged: ClassVar[bool] = True

    metric: Literal["chordal", "geodesic", "axis_angle"] = "chordal"
    joints: Literal["mean", "sum"] = "mean"
    sure: PositiveFloat | None = None

    def build(self, ctx: ProblemContext) -> Energy:
        from .kit import frame_mean, squared_distance, sureness

        weight: Tensor | float = 1.0
        if ctx.evidence is not None and self.sure is not None:
            weight = sureness(ctx.evidence.pose_var[:, :, 1:], self.sure)

        def energy(scene: Scene) -> Tensor:
            distance = squared_distance(scene.motion.pose[:, :, 1:], ctx.initial.pose[:, :, 1:], self.metric)
            distance = distance * weight
            per_frame = distance.mean(-1) if self.joints == "mean" else distance.sum(-1)
            return frame_mean(per_frame, ctx.observations.valid)

        return energy


class OrientationConfig(TermConfig):
    """``|f_phi(tau_t) - phi_init|^2`` of eq. 5, mean over valid frames.

    ``metric``: see :func:`.kit.squared_distance`. The root passes half a turn when a person turns around, so
    ``axis_angle`` is safe only if that does not happen. ``sure``: as in the term ``pose``.
    """

    ragged: ClassVar[bool] = True

    metric: Literal["chordal", "geodesic", "axis_angle"] = "chordal"
    sure: PositiveFloat | None = None

    def build(self, ctx: ProblemContext) -> Energy:
        from .kit import frame_mean, squared_distance, sureness

        weight: Tensor | float = 1.0
        if ctx.evidence is not None and self.sure is not None:
            weight = sureness(ctx.evidence.pose_var[:, :, 0], self.sure)

        def energy(scene: Scene) -> Tensor:
            distance = squared_distance(scene.motion.pose[:, :, 0], ctx.initial.pose[:, :, 0], self.metric)
            return frame_mean(distance * weight, ctx.observations.valid)

        return energy


class TranslationConfig(TermConfig):
    """``|f_x(tau_t) - x_init|^2`` of eq. 5, m^2, mean over valid frames.

    ``robust``: width of a Geman-McClure error, m; without it the error is squared as in the paper.
    ``axes``: all three, or only the horizontal or the vertical ones.
    """

    ragged: ClassVar[bool] = True

    robust: PositiveFloat | None = None
    axes: Literal["all", "horizontal", "vertical"] = "all"

    def build(self, ctx: ProblemContext) -> Energy:
        from .kit import frame_mean, maybe_robust

        axes = {"all": slice(None), "horizontal": slice(0, 3, 2), "vertical": slice(1, 2)}[self.axes]

        def energy(scene: Scene) -> Tensor:
            error = (scene.motion.trans - ctx.initial.trans)[..., axes]
            return frame_mean(maybe_robust(error.square().sum(-1), self.robust), ctx.observations.valid)

        return energy


class VelocityConfig(TermConfig):
    """Squared difference of the root's velocity from the initial one, (m/s)^2, mean over valid frames.

    Not in the paper. Unlike the translation term it does not penalise a shift of the whole path. ``gap``: frames over
    which velocities are taken; ``robust``: width of a Geman-McClure error, m/s.
    """

    ragged: ClassVar[bool] = True

    gap: PositiveInt = 1
    robust: PositiveFloat | None = None

    def build(self, ctx: ProblemContext) -> Energy:
        from .kit import frame_mean, maybe_robust, steps

        gap, rate = self.gap, ctx.fps / self.gap
        counted = steps(ctx.observations.valid, gap)

        def energy(scene: Scene) -> Tensor:
            away = scene.motion.trans - ctx.initial.trans
            error = (away[:, gap:] - away[:, :-gap]) * rate
            return frame_mean(maybe_robust(error.square().sum(-1), self.robust), counted)

        return energy


class AnchorConfig(TermConfig):
    """``|x_0 - x_init,0|^2`` (m^2) and the squared change of the heading, mean over the first valid ``frames``.

    Not in the paper: the prior is invariant to world yaw and horizontal position, so eq. 6 alone drifts in both.
    ``axes``: anchors all three coordinates or only the horizontal ones. ``position`` and ``yaw`` weigh the parts; the
    heading is the horizontal part of the root's forward axis, so it has less weight if the body lies down.
    """

    ragged: ClassVar[bool] = True

    frames: PositiveInt = 1
    position: NonNegativeFloat = 1.0
    yaw: NonNegativeFloat = 1.0
    axes: Literal["all", "horizontal"] = "all"

    def build(self, ctx: ProblemContext) -> Energy:
        from .kit import frame_mean

        valid = ctx.observations.valid
        first = valid & (valid.long().cumsum(1) <= self.frames)
        axes = slice(None) if self.axes == "all" else slice(0, 3, 2)

        def heading(pose: Tensor) -> Tensor:
            return pose[:, :, 0, ::2, 2]

        def energy(scene: Scene) -> Tensor:
            moved = (scene.motion.trans - ctx.initial.trans)[..., axes].square().sum(-1)
            turned = (heading(scene.motion.pose) - heading(ctx.initial.pose)).square().sum(-1)
            return frame_mean(self.position * moved + self.yaw * turned, first)

        return energy


class SmoothConfig(TermConfig):
    """Squared acceleration of the 24 joints, (m/s^2)^2, mean over joints and frames (not in the paper).

    ``order`` 3 takes the jerk, (m/s^3)^2. ``robust``: width of a Geman-McClure error in the same units before squaring,
    which limits the cost of a landing or a kick.
    """

    ragged: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"joints"})

    order: Literal[2, 3] = 2
    robust: PositiveFloat | None = None

    def build(self, ctx: ProblemContext) -> Energy:
        from .kit import frame_mean, maybe_robust, span, steps

        counted = steps(span(ctx.observations.valid), order=self.order)
        rate = ctx.fps**self.order

        def energy(scene: Scene) -> Tensor:
            assert scene.joints is not None
            squared = (scene.joints.diff(n=self.order, dim=1) * rate).square().sum(-1)
            return frame_mean(maybe_robust(squared, self.robust).mean(-1), counted)

        return energy


class SpeedConfig(TermConfig):
    """Squared difference of the root velocity, in the heading frame, from the initializer's estimate, in standard
    deviations of that estimate, mean over axes and valid frames (not in the paper).

    0 for clips without such an estimate. No gradient flows through the heading, so that the person is not turned to fit
    the velocity; uncertainty of the heading is added to the direction. ``floor``: least standard deviation, m/s.
    ``robust``: width of a Geman-McClure error of the whole clip, in standard deviations. It is applied per clip,
    because estimation errors last for the whole clip, and per-frame robust errors would be concentrated in one jump.
    """

    ragged: ClassVar[bool] = True

    floor: PositiveFloat = 0.05
    robust: PositiveFloat | None = 2.0

    def build(self, ctx: ProblemContext) -> Energy:
        import torch

        from ...data.geometry import heading
        from .kit import frame_mean, maybe_robust, steps

        evidence, counted = ctx.evidence, steps(ctx.observations.valid)
        if evidence is None:
            return lambda scene: scene.motion.trans.sum((1, 2)) * 0.0
        variance = evidence.world_velocity_var
        told = 0.5 * (evidence.velocity[:, 1:] + evidence.velocity[:, :-1])
        weight = 1 / (0.5 * (variance[:, 1:] + variance[:, :-1]) + self.floor**2)
        up = torch.tensor([0.0, 1.0, 0.0]).to(told)

        def energy(scene: Scene) -> Tensor:
            left = scene.motion.pose[:, :, 0, :, 0].detach()
            left = left[:, 1:] + left[:, :-1]
            axes = heading(left, up.expand_as(left))
            moved = scene.motion.trans.diff(dim=1) * ctx.fps
            error = (axes @ moved.unsqueeze(-1)).squeeze(-1) - told
            return maybe_robust(frame_mean((error.square() * weight).mean(-1), counted), self.robust)

        return energy
