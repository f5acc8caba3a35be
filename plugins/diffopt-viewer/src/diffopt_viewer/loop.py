"""One thread that owns the scene: whoever wants a change posts it, and while something moves it ticks."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

log = logging.getLogger(__name__)
#: Most ticks a second, of 240 fps too; fewer beside a solve, which needs the processor.
RATE, BESIDE = 30.0, 10.0


class Loop:
    """``tick(seconds)`` is called with the time since the last one while ``moving()``, ``rate`` times a second."""

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
