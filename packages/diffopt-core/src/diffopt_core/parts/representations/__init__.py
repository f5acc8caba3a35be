"""What stands for the motion while it is optimised. Importing this room does not import torch."""

from __future__ import annotations

from ...plugin import Component

COMPONENTS: list[Component] = [
    Component(
        "representation", "nemo", f"{__name__}.configs:NemoConfig", "neural motion field: a network of time (sec. 3.1)"
    ),
    Component("representation", "raw", f"{__name__}.configs:RawConfig", "a free tensor for every frame (Table 5)"),
]
