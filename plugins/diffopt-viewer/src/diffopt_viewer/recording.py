"""The scene as one standalone HTML file: no server, no network, no panel."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import viser
from diffopt_core.common.npz import atomic
from diffopt_core.common.progress import track
from diffopt_core.errors import DiffOptError
from diffopt_core.perception.video import read_frames
from diffopt_core.types import Result

from .arrange import labels_of
from .player import Player
from .shown import Shown, of_result, shown_of
from .stage import Stage

#: Most frames per second stored, most images per video, and their longer side, px.
_RATE, _IMAGES, _LONGEST = 30.0, 100, 240


def record(results: Sequence[Result], path: Path, dark: bool = False, truth: bool = True) -> Path:
    """Write the results (side by side if they are of several clips) and return the file.

    Raises DiffOptError if a result cannot be drawn or the file cannot be written; the write is atomic.
    """
    labels = labels_of(results)
    shown = [shown_of(one, labels[k], of_result(k), truth) for k, one in enumerate(results)]
    with redirect_stdout(io.StringIO()):  # the library prints messages on standard output
        server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)  # the scene needs a server
        try:
            page = _page(server, shown, dark)
        finally:
            server.stop()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as file:
            file.write(page.encode())
    except OSError as error:
        raise DiffOptError(f"{path}: cannot be written ({error.strerror or error})") from error
    return path


def _page(server: viser.ViserServer, shown: Sequence[Shown], dark: bool) -> str:
    stage = Stage(server, dark)
    stage.build(shown)
    player = Player()
    player.open(shown)
    step = max(1, int(np.ceil(player.fps / _RATE)))
    frames = range(0, player.frames, step)
    images = [_images(one) for one in shown]
    for group in stage.groups:
        group.frame = -1  # forces the first frame to be recorded again, as the page loops
    film = server.get_scene_serializer()
    with track("recording", total=player.frames) as update:
        for frame in frames:
            stage.seek(frame / player.fps)
            for group, decoded in zip(stage.groups, images, strict=True):
                image = decoded.get(group.frame)
                if image is not None and group.frustum is not None:
                    group.frustum.image = image
            film.insert_sleep(min(step, player.frames - frame) / player.fps)
            update(frame)
    return film.as_html(dark_mode=dark)


def _images(one: Shown) -> dict[int, np.ndarray]:
    """Evenly spaced images of the clip's video, by frame."""
    if one.video is None or one.cameras is None:
        return {}
    wanted = sorted(set(np.linspace(0, one.frames - 1, min(_IMAGES, one.frames)).round().astype(int).tolist()))
    every: Iterator[np.ndarray] = read_frames(one.video, longest=_LONGEST)
    return {number: image for number, image in enumerate(every) if number in wanted}
