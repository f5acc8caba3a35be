"""Time in the viewer: the playback clock, and the single thread that owns the scene."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from .shown import Shown

#: Choices of the speed menu.
SPEEDS: tuple[str, ...] = ("0.1×", "0.25×", "0.5×", "1×", "2×", "4×", "10×")


@dataclass
class Player:
    """``frames`` and ``fps`` are those of the longest clip; ``time`` in seconds. Playback loops."""

    frames: int = 1
    fps: float = 30.0
    time: float = 0.0
    speed: float = 1.0
    playing: bool = False

    def open(self, shown: Sequence[Shown]) -> None:
        """Play another set of clips from the start."""
        longest = max(shown, key=lambda one: one.seconds)
        self.frames, self.fps, self.time = longest.frames, longest.fps, 0.0
        self.playing = self.frames > 1

    @property
    def frame(self) -> int:
        return min(int(self.time * self.fps + 1e-6), self.frames - 1)

    @property
    def moving(self) -> bool:
        return self.playing and self.frames > 1

    def advance(self, seconds: float) -> None:
        self.time = (self.time + seconds * self.speed) % (self.frames / self.fps)

    def go_to(self, frame: int) -> None:
        self.time = min(max(frame, 0), self.frames - 1) / self.fps

    def step(self, by: int) -> None:
        """Move by ``by`` frames, wrapping at the end; stops playback."""
        self.playing = False
        self.go_to((self.frame + by) % self.frames)


log = logging.getLogger(__name__)
#: Most ticks per second, even at 240 fps; fewer during a solve, which needs the CPU.
RATE, BESIDE = 30.0, 10.0


class Loop:
    """``tick(seconds)`` is called with the time since the last one while ``moving()``, ``rate`` times per second."""

    def __init__(self, tick: Callable[[float], None], moving: Callable[[], bool]):
        self._tick, self._moving = tick, moving
        self.rate = RATE
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="viewer", daemon=True)
        self._thread.start()

    def post(self, job: Callable[[], Any]) -> Future[Any]:
        """Run ``job`` soon, in the thread. An error that nobody waits for is logged."""
        future: Future[Any] = Future()
        self._jobs.put((job, future))
        return future

    def call(self, job: Callable[[], Any]) -> Any:
        """Run ``job`` in the thread, wait, and return its value or raise its error."""
        return self.post(job).result()

    def close(self) -> None:
        self._jobs.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)

    def _work(self) -> None:
        last = time.monotonic()
        while True:
            moving = self._moving()
            wait = max(0.0, last + 1.0 / self.rate - time.monotonic()) if moving else None
            try:
                item = self._jobs.get(timeout=wait)
            except queue.Empty:
                now = time.monotonic()
                self._do(partial(self._tick, now - last))
                last = now
                continue
            if item is None:
                return
            if not moving:
                last = time.monotonic()
            self._do(*item)

    def _do(self, job: Callable[[], Any], future: Future[Any] | None = None) -> None:
        try:
            value = job()
        except Exception as error:  # the thread must survive: the next change may succeed
            if future is not None:
                future.set_exception(error)
            log.warning("viewer: %s: %s", type(error).__name__, error)
            log.debug("viewer", exc_info=True)
        else:
            if future is not None:
                future.set_result(value)
