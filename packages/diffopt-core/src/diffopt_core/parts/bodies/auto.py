"""The body that suits the clip: its own skeleton where the file holds ``rest_joints``, else the embedded mesh."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ...config import ComponentConfig

if TYPE_CHECKING:
    from ...interfaces import Body, ProblemContext

log = logging.getLogger(__name__)


class AutoBodyConfig(ComponentConfig):
    """No settings. The result's ``body_model`` says which body it was.

    Betas of another model cannot shape the embedded body: it then keeps its mean shape, and says so.
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
