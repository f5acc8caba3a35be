"""The 2D picture in the panel: image, keypoints, where the body's points land."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import viser

from .canvas import draw
from .colours import RGB, Room
from .pixels import Seen


class ImagePanel:
    """A folder with the picture and its switches. ``changed`` is called when one is thrown."""

    def __init__(self, gui: viser.GuiApi, changed: Callable[[], None]):
        with gui.add_folder("Image"):
            self._picture = gui.add_image(np.full((9, 16, 3), 128, np.uint8))
            hint = "Yellow; a white line leads to where the body has that point"
            self._keypoints = gui.add_checkbox("Keypoints", True, hint=hint)
            self._body = gui.add_checkbox("Body", True)
            self._near = gui.add_checkbox("Close-up", False)
        for box in (self._keypoints, self._body, self._near):
            box.on_update(lambda _: changed())

    def show(self, image: np.ndarray | None, seen: Sequence[tuple[Seen, RGB, int]], room: Room) -> None:
        """See :func:`.canvas.draw`."""
        on = (bool(self._keypoints.value), bool(self._body.value), bool(self._near.value))
        self._picture.image = draw(image, seen, room, *on)
