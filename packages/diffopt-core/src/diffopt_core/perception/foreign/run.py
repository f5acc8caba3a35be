"""Run a script in another environment: pipe frames in, report its progress, return its arrays.

The script's standard output carries one JSON object per line (``progress``, ``fail``, ``missing``, ``died``), written
by ``diffopt_frames``; what its tool prints goes to standard error. One thread writes the frames and another reads the
errors, so that no pipe blocks while this side waits for another one.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np

from ...common.places import cache_folder
from ...errors import DiffOptError, MissingResource
from ...types import Video
from ..video import read_frames
from .interpreter import environment_variables, find_interpreter
from .uv import Needs

_log = logging.getLogger(__name__)
Report = Callable[[int, int], None]
#: Seconds between asking a child to end and killing it.
GRACE = 3.0
#: Number of lines of a child's standard error that are kept, and that are quoted in an error.
KEPT, QUOTED = 2000, 3


def run_script(
    env: str,
    needs: Needs,
    script: Path,
    job: dict[str, Any],
    video: Video | None = None,
    longest: int | None = None,
    report: Report | None = None,
) -> dict[str, np.ndarray]:
    """Run ``script`` in ``env`` and return the arrays that it saved.

    ``env``: see :data:`.ENVIRONMENTS`. ``job``: plain data, what the script's ``job()`` gives. ``video``: the script's
    ``frames()`` yields its frames, scaled down to ``longest`` px. ``report(done, total)`` is called in this thread as
    the script makes progress.

    Raises MissingResource if the environment or a module in it is missing, DiffOptError with the script's line if it
    calls ``fail`` or with its last output if it dies, and BadInput if a frame cannot be decoded.
    """
    python = find_interpreter(env, needs)
    with tempfile.TemporaryDirectory(prefix="diffopt-") as name:
        order, out = Path(name) / "job.json", Path(name) / "out.npz"
        order.write_text(json.dumps({"job": job, "modules": needs.modules}))
        command = [str(python), str(script), str(order), str(out)]
        with _started(command, environment_variables(python, ours=env == "uv"), piped=video is not None) as process:
            feeder = _Feeder(process.stdin, video, longest)
            tail = Tail(process.stderr)
            said = _listen(process, report, video)
            process.wait()
            tail.join()
            feeder.join()
        if feeder.error is not None:
            raise feeder.error
        _check(process.returncode, said, tail, needs, python, env)
        return _load(out, needs, tail)


@contextmanager
def _started(command: list[str], variables: dict[str, str], piped: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Start the child in its own process group; the group is ended when the block is left."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
            start_new_session=sys.platform != "win32",
        )
    except OSError as error:
        raise MissingResource(f"{command[0]}: cannot be run ({error.strerror or error})") from error
    try:
        yield process
    finally:
        if process.poll() is None:
            _signal(process, signal.SIGTERM)
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
                process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(OSError, ValueError):  # flushing unwritten data raises a broken pipe again
                    pipe.close()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, number)


class _Feeder:
    """Writes the frames in a thread. ``error``: the exception if a frame could not be read."""

    def __init__(self, pipe: IO[bytes] | None, video: Video | None, longest: int | None):
        self.error: BaseException | None = None
        self._thread: threading.Thread | None = None
        if pipe is not None and video is not None:
            self._thread = threading.Thread(target=self._feed, args=(pipe, video, longest), daemon=True)
            self._thread.start()

    def _feed(self, pipe: IO[bytes], video: Video, longest: int | None) -> None:
        try:
            frames = read_frames(video, longest)
            first = next(frames, None)
            height, width = (0, 0) if first is None else first.shape[:2]
            header = {"width": width, "height": height, "count": len(video.frames)}
            self._write(pipe, json.dumps(header).encode() + b"\n")
            for frame in chain([] if first is None else [first], frames):
                self._write(pipe, np.ascontiguousarray(frame).data)
        except _Gone:
            pass  # the child has ended; its exit status is checked later
        except BaseException as error:
            self.error = error
        finally:
            with suppress(OSError, ValueError):
                pipe.close()

    @staticmethod
    def _write(pipe: IO[bytes], data: bytes | memoryview) -> None:
        try:
            pipe.write(data)
        except (OSError, ValueError) as error:
            raise _Gone from error

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join()


class _Gone(Exception):
    """The child no longer reads."""


def _listen(process: subprocess.Popen[bytes], report: Report | None, video: Video | None) -> dict[str, Any]:
    """Read the child's messages until it closes its output; returns the last one of each kind except progress."""
    said: dict[str, Any] = {}
    assert process.stdout is not None
    for line in process.stdout:
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            _log.debug("%s", line.decode(errors="replace").rstrip())
            continue
        if "progress" in message:
            done, total = message["progress"]
            if report is not None:
                report(int(done), int(total or (len(video.frames) if video else 0)))
        else:
            said.update(message)
    return said


def _check(status: int, said: dict[str, Any], tail: Tail, needs: Needs, python: Path, env: str) -> None:
    """Raise an error if the child's messages or its exit status report one."""
    if "missing" in said:
        hint = f"; {needs.how}" if needs.how else ""
        raise MissingResource(f"{needs.name}: {said['missing']} in environment {env} ({python}){hint}")
    if "fail" in said:
        raise DiffOptError(str(said["fail"]))
    if status == 0:
        return
    if status < 0:
        why = f"was killed by signal {-status}" + (" (out of memory?)" if status == -9 else "")
    else:
        why = f"ended with status {status}"
    last = said.get("died") or tail.last()
    raise DiffOptError(f"{needs.name}: its script {why}: {last or 'no output'}{tail.keep(needs.name)}")


def _load(out: Path, needs: Needs, tail: Tail) -> dict[str, np.ndarray]:
    try:
        with np.load(out, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        problem = "its script ended without a result"
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        problem = f"its result cannot be read ({error})"
    raise DiffOptError(f"{needs.name}: {problem}{tail.keep(needs.name)}")


class Tail:
    """Reads ``pipe`` to its end in a thread and keeps the last lines."""

    def __init__(self, pipe: IO[bytes] | None):
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe: IO[bytes] | None) -> None:
        with suppress(OSError, ValueError):  # closed by another thread
            for line in pipe or ():
                text = line.decode(errors="replace").rstrip().rpartition("\r")[2]
                if text:
                    self._lines.append(text)
                    _log.debug("%s", text)

    def join(self) -> None:
        # a process started by the child may keep the pipe open
        self._thread.join(timeout=2.0)

    def last(self) -> str:
        """The last lines, joined to one."""
        return " | ".join(line.strip() for line in list(self._lines)[-QUOTED:])[-400:]

    def keep(self, name: str) -> str:
        """Write all kept lines to the cache folder; returns text with the path, to append to an error."""
        path = cache_folder() / "logs" / f"{name}.txt"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(self._lines) + "\n")
        except OSError:
            return ""
        return f" (its full output: {path})"
