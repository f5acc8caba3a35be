"""Settings of renderer ``auto``: what works here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext, Renderer

log = logging.getLogger(__name__)


class AutoConfig(ComponentConfig):
    """No settings. Raises MissingResource where neither works, with what each of them lacks."""

    def build(self, ctx: BuildContext) -> Renderer:
        """``gl``; ``embree`` where no OpenGL context can be opened, which is said."""
        try:
            return ctx.build("renderer", "gl")
        except MissingResource as error:
            lacking = error
        try:
            renderer: Renderer = ctx.build("renderer", "embree")
        except MissingResource as error:
            raise MissingResource(f"nothing here can draw. {lacking}. {error}") from None
        log.warning("drawn by embree, which is slower: %s", lacking)
        return renderer
