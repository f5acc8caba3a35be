"""What the browsers' cameras look at: from the side, from above, or through a recovered camera with its image."""

from __future__ import annotations

import numpy as np
import viser
from PIL import Image

from .arrange import FIELD, first_view, from_above
from .colours import RGB, room
from .shown import Cameras
from .stage import Stage

FREE, FOLLOW, THROUGH = "free", "follow the person", "through the camera"
SIDE, ABOVE = "from the side", "from above"
#: Height of the image behind the scene, px.
_HEIGHT = 540


def look(stage: Stage, client: viser.ClientHandle, whence: str = SIDE) -> None:
    """Put one browser's camera where the paths are seen well."""
    eye, centre = (from_above if whence == ABOVE else first_view)(stage.shown, stage.moves)
    with client.atomic():
        client.camera.up_direction = (0.0, 1.0, 0.0)
        client.camera.fov = float(FIELD)
        client.camera.position = eye
        client.camera.look_at = centre


def look_through(stage: Stage, client: viser.ClientHandle, image: np.ndarray | None) -> None:
    """Put one browser's camera where the leader's camera is, its image (None: blank) behind the scene."""
    group = stage.leader
    cameras = group.shown.cameras
    if cameras is None:
        return
    frame = group.frame
    move = stage.moves[stage.groups.index(group)]
    aspect = float(client.camera.aspect) or 1.0
    half = half_height(cameras, frame, aspect)
    with client.atomic():
        client.camera.fov = float(2 * np.arctan(half))
        client.camera.position = move(cameras.position[frame])
        client.camera.wxyz = _product(move.wxyz, cameras.wxyz[frame])
    client.scene.set_background_image(
        backdrop(image, cameras, frame, aspect, half, room(stage.dark).paper), format="jpeg", jpeg_quality=80
    )


def half_height(cameras: Cameras, frame: int, aspect: float) -> float:
    """Tangent of half the vertical angle at which a window of this aspect holds the whole image, its principal point in
    the middle."""
    size, centre, focal = (np.array(v, float) for v in (cameras.size, cameras.centre[frame], cameras.focal[frame]))
    reach = np.maximum(np.maximum(centre, size - centre), 1.0) / focal
    return float(max(reach[1], reach[0] / aspect))


def backdrop(
    image: np.ndarray | None, cameras: Cameras, frame: int, aspect: float, half: float, paper: RGB
) -> np.ndarray:
    """What fills the window: the image where the camera's rays meet it, paper round it."""
    height, width = _HEIGHT, max(1, round(_HEIGHT * min(aspect, 4.0)))
    page = Image.new("RGB", (width, height), paper)
    if image is not None:
        unit = height / 2 / half  # px of the window a unit of x / z
        size, centre, focal = (np.array(v, float) for v in (cameras.size, cameras.centre[frame], cameras.focal[frame]))
        corner = np.array([width, height]) / 2 - centre / focal * unit
        shape = np.maximum((size / focal * unit).round().astype(int), 1)
        page.paste(Image.fromarray(image).resize((int(shape[0]), int(shape[1]))), tuple(corner.round().astype(int)))
    return np.asarray(page)


def clear(client: viser.ClientHandle) -> None:
    client.scene.set_background_image(None)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton's product of two quaternions, real part first."""
    w, v, x, u = a[0], a[1:], b[0], b[1:]
    return np.concatenate([[w * x - v @ u], w * u + x * v + np.cross(v, u)])
