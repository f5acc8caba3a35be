"""Frames of a video as they are decoded; of interlaced ones, which weave two fields of two moments into one picture,
made whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

#: Pictures from the start that are looked at; grey levels by which a pixel moves, or differs from both rows beside it.
_LOOKED, _MOVES, _STANDS_OUT = 24, 12.0, 15.0
#: Share of the moving pixels that stand out of their column, and how many times more than out of their row: noise and
#: edges do both alike.
_COMBED, _TIMES, _FEWEST = 0.15, 3.0, 200


def decoded(container: Any) -> Iterator[Any]:
    """The frames of the first video stream in display order; undecodable packets are skipped."""
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    for packet in container.demux(stream):
        with contextlib.suppress(OSError, ValueError):  # FFmpeg's exceptions derive from these
            yield from packet.decode()


def is_interlaced(path: Path) -> bool:
    """Whether a video is interlaced, as it says itself, or by the combs where it moves."""
    return _looked(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _looked(path: Path, changed: int) -> bool:
    import av

    with av.open(str(path)) as container:
        frames = list(islice(decoded(container), _LOOKED))
    if any(frame.interlaced_frame for frame in frames):
        return True
    return combed([frame.reformat(format="gray").to_ndarray().astype(np.float32) for frame in frames])


def combed(pictures: list[np.ndarray]) -> bool:
    """Whether what moves in grey pictures ``[H W]`` is combed, in most of those that move."""
    told = []
    for before, here in pairwise(pictures):
        moves = np.abs(here - before)[1:-1, 1:-1] > _MOVES
        if moves.sum() >= _FEWEST:
            rows = (here[1:-1] - here[:-2]) * (here[1:-1] - here[2:]) > _STANDS_OUT**2
            columns = (here[:, 1:-1] - here[:, :-2]) * (here[:, 1:-1] - here[:, 2:]) > _STANDS_OUT**2
            down, across = rows[:, 1:-1][moves].mean(), columns[1:-1][moves].mean()
            told.append(down > max(_COMBED, _TIMES * across))
    return bool(told) and float(np.mean(told)) > 0.5


def whole(frames: Iterable[Any], stream: Any) -> Iterator[Any]:
    """As many frames, each made whole from its fields and those around it (FFmpeg's ``bwdif``)."""
    import av

    graph = av.filter.Graph()
    source = graph.add_buffer(template=stream)
    made = graph.add("bwdif", "mode=send_frame:parity=auto:deint=all")
    sink = graph.add("buffersink")
    source.link_to(made)
    made.link_to(sink)
    graph.configure()

    def ready() -> Iterator[Any]:
        while True:
            try:
                yield sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    for frame in frames:
        source.push(frame)
        yield from ready()
    source.push(None)
    yield from ready()
