"""The executor that suits the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...config import ComponentConfig

if TYPE_CHECKING:
    from ...interfaces import BuildContext, Executor


class AutoConfig(ComponentConfig):
    """``cudagraph`` on a CUDA device, where plain steps wait for the host; ``eager`` elsewhere."""

    def build(self, ctx: BuildContext) -> Executor:
        return ctx.build("executor", "cudagraph" if ctx.device.type == "cuda" else "eager")
