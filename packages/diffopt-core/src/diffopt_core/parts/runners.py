"""Runner ``local``: worker processes on this machine, one per GPU, or one per core without a GPU.

Jobs go to the next free worker; a worker that dies is replaced. A worker is ``python -m diffopt_core.parts.runners``:
see :func:`work`.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ..common.jobs import LOST, Job, JobEnd, given_up, loss, perform
from ..config import ComponentConfig

if TYPE_CHECKING:
    from ..interfaces import BuildContext


log = logging.getLogger(__name__)


class LocalConfig(ComponentConfig):
    """Number of workers, and threads of each."""

    builds: ClassVar[str] = "diffopt_core.parts.runners:of_this_machine"

    workers: int | None = Field(None, ge=1, description="workers; null: one per GPU, or one per core on a CPU")
    threads: int | None = Field(
        None, ge=1, description="threads of a worker; null: 1 on a CPU, else the cores shared out"
    )


def of_this_machine(config: LocalConfig, ctx: BuildContext) -> Processes:
    """One environment per worker: its GPU (in turn, where there are more workers than GPUs) and its threads."""
    cores, gpus = _cores(), _gpus() if ctx.device.type == "cuda" else []
    count = config.workers or len(gpus) or cores
    # On a CPU the number of threads may change last bits, so it does not follow the number of workers.
    threads = str(config.threads or (1 if ctx.device.type == "cpu" else max(1, cores // count)))
    environments = []
    for number in range(count):
        environment = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        # Every worker sees its own GPU as the first, so that results record the same device name.
        if len(gpus) > 1 and ctx.device.index is None:
            environment["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
        environments.append(environment)
    return Processes(environments)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> list[str]:
    """The visible GPUs, as named in CUDA_VISIBLE_DEVICES."""
    import torch

    if visible := os.environ.get("CUDA_VISIBLE_DEVICES"):
        return [name.strip() for name in visible.split(",") if name.strip()]
    return [str(index) for index in range(torch.cuda.device_count())]


class Processes:
    """Implements :class:`diffopt_core.interfaces.Runner`. One worker for each mapping of environment variables."""

    def __init__(self, environments: Sequence[Mapping[str, str]]):
        self._environments = environments

    @property
    def workers(self) -> int:
        return len(self._environments)

    def run(self, jobs: Sequence[Job]) -> Iterator[JobEnd]:
        """Yield the outcome of every job in order of completion. Closing the iterator early stops the workers at
        once."""
        waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        ends: queue.SimpleQueue[JobEnd] = queue.SimpleQueue()
        for job in jobs:
            waiting.put(job)
        servants = [_Servant(env, waiting, ends) for env in self._environments[: len(jobs)]]
        again: set[str] = set()
        try:
            for servant in servants:
                servant.start()
            left = len(jobs)
            while left:
                end = ends.get()
                if end.lost and end.job.name not in again:  # once more, by the next worker that is free
                    log.warning(loss(end.job, str(end.error)))
                    again.add(end.job.name)
                    waiting.put(end.job)
                    continue
                left -= 1
                yield given_up(end) if end.lost else end
        finally:
            for servant in servants:
                servant.stop()
            for servant in servants:
                servant.join()


#: Seconds between two looks at whether the work is over.
_PATIENCE = 0.2


class _Servant(threading.Thread):
    """Thread that serves one worker: sends it jobs, reads outcomes, starts another process if it dies."""

    def __init__(self, env: Mapping[str, str], waiting: queue.SimpleQueue[Job], ends: queue.SimpleQueue[JobEnd]):
        super().__init__(daemon=True)
        self._env, self._waiting, self._ends = env, waiting, ends
        self._worker: _Worker | None = None
        self._stopped = False

    def run(self) -> None:
        while not self._stopped:
            try:
                job = self._waiting.get(timeout=_PATIENCE)  # a lost job may come back
            except queue.Empty:
                continue
            self._worker = self._worker or _Worker(self._env)
            if self._stopped:  # `stop` may have been called before this worker existed
                self._worker.kill()
            end = self._worker.do(job)
            if end.lost:
                self._worker = None
            self._ends.put(end)
        if self._worker:
            self._worker.close()

    def stop(self) -> None:
        self._stopped = True
        if self._worker:
            self._worker.kill()


class _Worker:
    """A process that reads jobs as JSON lines and answers each with one line."""

    def __init__(self, env: Mapping[str, str]):
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with its process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "diffopt_core.parts.runners"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, **env},
            text=True,
            start_new_session=True,  # Ctrl-C goes to the parent only, which then stops its workers
        )

    def do(self, job: Job) -> JobEnd:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(asdict(job)) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = ""
        if not answer.endswith("\n"):
            return JobEnd(job, error=self._why(), lost=True)
        fields: dict[str, Any] = json.loads(answer)
        return JobEnd(job, **fields)

    def _why(self) -> str:
        """Why it died: signal or status, and its last output."""
        self.kill()
        code = self._process.returncode
        self._said.seek(0)
        words = [line for line in self._said.read()[-4000:].decode(errors="replace").splitlines() if line.strip()]
        how = f"killed by {_named(-code)}" if code < 0 else f"ended with status {code}"
        return f"{LOST} ({how})" + (f": {words[-1].strip()}" if words else "")

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def _named(number: int) -> str:
    if number == signal.SIGKILL:
        return f"signal {number}, out of memory?"
    known = number in {each.value for each in signal.Signals}
    return f"signal {number}{f', {signal.Signals(number).name}' if known else ''}"


def work() -> None:
    """Be a worker: read jobs as JSON lines from standard input and answer each with one line on standard output.

    Whatever a job prints goes to standard error. It ends with its parent: when standard input closes, it stops even
    during a job, so that no worker writes to a grid whose process was killed.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    while True:
        job = jobs.get()
        try:
            answer = json.dumps(perform(job["calls"], job["data"]))
        except (TypeError, ValueError) as error:
            answer = json.dumps({"error": f"the job returned a value that is not JSON data ({error})"})
        answers.write(answer + "\n")
        answers.flush()


def _listen(jobs: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(0)


if __name__ == "__main__":
    work()
