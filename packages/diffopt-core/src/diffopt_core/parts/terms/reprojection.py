"""The reprojection term."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveFloat

from ...config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ...interfaces import Energy, ProblemContext
    from ...types import Scene

_NEAR = 0.1


class ReprojectionConfig(TermConfig):
    """``L_2D`` of eq. 8: confidence x Geman-McClure of the pixel error, mean over valid frames.

    ``sigma``: the width, in ``unit``: pixels, shares of the image height, or shares of the person's size in the image
    (the longer side of the keypoints' bounding box, mean over the clip). ``of``: robust error of x and y separately, or
    of the distance. ``confidence_power``: 1, or 2 as in SMPLify and SLAHMR; keypoints with a confidence of at most
    ``min_confidence`` are ignored. ``normalise``: ``sigma2`` divides by ``sigma^2``, so that an outlier costs 1 at any
    resolution; ``none`` leaves px^2. ``joints``: mean or sum over the keypoints.

    A point nearer than 0.1 m, or behind the camera, has the cost of an outlier and no gradient.
    """

    ragged: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"pixels", "depth"})

    retired: ClassVar = {"near": 0.1}

    sigma: PositiveFloat = 60.0
    unit: Literal["px", "image", "person"] = "px"
    of: Literal["coordinate", "point"] = "coordinate"
    confidence_power: Literal[1, 2] = 1
    min_confidence: float = Field(0.0, ge=0.0, lt=1.0)
    normalise: Literal["sigma2", "none"] = "sigma2"
    joints: Literal["mean", "sum"] = "mean"

    def build(self, ctx: ProblemContext) -> Energy:
        from ...data.pinhole import frames_last
        from .kit import frame_mean, geman_mcclure

        detected, confidence = ctx.observations.keypoints[..., :2], ctx.observations.keypoints[..., 2]
        # A detector may give NaN for absent points, which must not enter the arithmetic.
        seen = (confidence > self.min_confidence) & detected.isfinite().all(-1)
        detected = detected.where(seen.unsqueeze(-1), detected.new_zeros(()))
        weight = confidence.where(seen, confidence.new_zeros(())) ** self.confidence_power
        sigma = self._sigma(ctx, detected, seen)
        unit = (sigma * sigma).squeeze(-1)
        lost = unit * (1 if self.of == "point" else 2)  # at a point that is not good
        detected, seen, weight = frames_last(detected), frames_last(seen), frames_last(weight)

        def energy(scene: Scene) -> Tensor:
            assert scene.pixels is not None and scene.depth is not None
            good = seen & (scene.depth > _NEAR)
            squared = (scene.pixels - detected).where(good.unsqueeze(-1), scene.pixels.new_zeros(())).square()
            if self.of == "point":
                squared = squared.sum(-1, keepdim=True)
            cost = geman_mcclure(squared, sigma).sum(-1) + lost * ~good
            if self.normalise == "sigma2":
                cost = cost / unit
            per_point = cost * weight
            per_frame = per_point.mean(-1) if self.joints == "mean" else per_point.sum(-1)
            return frame_mean(per_frame, ctx.observations.valid)

        return energy

    def _sigma(self, ctx: ProblemContext, detected: Tensor, seen: Tensor) -> Tensor:
        """Width in pixels, ``B T 1 1``."""
        from .kit import frame_mean

        if self.unit == "px":
            pixels = detected.new_ones(detected.shape[:2])
        elif self.unit == "image":
            # The image height is twice the y of the principal point.
            pixels = 2.0 * ctx.camera.centre[..., 1]
        else:
            mask = seen.unsqueeze(-1)
            low = detected.masked_fill(~mask, float("inf")).amin(2)
            high = detected.masked_fill(~mask, float("-inf")).amax(2)
            found = seen.any(-1) & ctx.observations.valid
            size = (high - low).amax(-1).masked_fill(~found, 0.0)
            pixels = frame_mean(size, found).clamp_min(1.0).unsqueeze(1).expand(detected.shape[:2])
        return (self.sigma * pixels)[..., None, None]
