"""Where the jobs of a grid are done. Importing this room does not import torch."""

from __future__ import annotations

from ...plugin import Component

COMPONENTS: list[Component] = [
    Component("runner", "local", f"{__name__}.processes:LocalConfig", "processes of this machine, one a GPU or a core"),
]
