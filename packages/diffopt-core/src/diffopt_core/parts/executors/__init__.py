"""How the step of a block is run. Importing this room does not import torch."""

from __future__ import annotations

from ...plugin import Component, fixed

COMPONENTS: list[Component] = [
    Component("executor", "auto", f"{__name__}.components:AutoConfig", "cudagraph on a CUDA device, eager elsewhere"),
    fixed("executor", "eager", f"{__name__}.components:Eager", "plain calls, one operation after the other"),
    Component(
        "executor",
        "cudagraph",
        f"{__name__}.components:CudaGraphConfig",
        "a block's step recorded once and replayed by the GPU alone",
    ),
]
