"""Time in the viewer: the clock of what is shown, and the one thread that owns the scene."""

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

#: What the speed menu offers.
SPEEDS: tuple[str, ...] = ("0.1×", "0.25×", "0.5×", "1×", "2×", "4×", "10×")


@dataclass
class Player:
    """``frames`` and ``fps`` are those of the longest clip; ``time`` in seconds. At the end it begins again."""

    frames: int = 1
    fps: float = 30.0
    time: float = 0.0
    speed: float = 1.0
    playing: bool = False

    def open(self, shown: Sequence[Shown]) -> None:
        """Another set of clips, from their start."""
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
        """So many frames on or back, round the end; playing stops."""
        self.playing = False
        self.go_to((self.frame + by) % self.frames)


log = logging.getLogger(__name__)
#: Most ticks per second, of 240 fps too; fewer beside a solve, which needs the processor.
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
        """Do it soon, in the thread. An error that nobody waits for is told as a notice."""
        future: Future[Any] = Future()
        self._jobs.put((job, future))
        return future

    def call(self, job: Callable[[], Any]) -> Any:
        """Do it in the thread, wait, and give its value or its error."""
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
        except Exception as error:  # the thread must live on: the next change may be fine
            if future is not None:
                future.set_exception(error)
            log.warning("viewer: %s: %s", type(error).__name__, error)
            log.debug("viewer", exc_info=True)
        else:
            if future is not None:
                future.set_result(value)
