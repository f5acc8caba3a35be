"""Connecting to a Ray cluster; what goes wrong there, by its name."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from diffopt_core.errors import MissingResource

log = logging.getLogger(__name__)
#: Seconds to wait for the port, and for an answer of the cluster behind it.
_PORT, _ANSWER = 5.0, 15.0
_TOKEN = (
    "the cluster asks for a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH) to the one that "
    "its head was started with, on this machine and on every node"
)


def connect(address: str | None, cpus: int | None) -> None:
    """Connect to a running cluster, else start one on this machine, without log output or dashboard. Raises
    MissingResource that tells a closed port, a port of something else and a refused token apart."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    _silence()
    if ray.is_initialized():
        return
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    # Ray hides GPUs from tasks that reserve none; here the run's device option decides.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    # Ray's C++ writes lines about lost workers to standard error; our notices name the clips.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if address and address != "auto":
        _reach(address)
    try:
        with _no_stderr():  # where it says that this level is set
            if address:
                ray.init(address=address, **quiet)
            else:
                ray.init(address="local", num_cpus=cpus, include_dashboard=False, **quiet)
    except Exception as error:  # Ray raises plain exceptions, for example on a machine too busy to start it in time
        raise _told(address, str(error)) from error


@contextmanager
def _no_stderr() -> Iterator[None]:
    """For what is not written by Python."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _silence() -> None:
    """Ray prints long lines about lost workers to standard output, where answers go; our notices name the clips."""
    private: Any = ray._private.worker
    if hasattr(private, "print_to_stdstream"):
        private.print_to_stdstream = lambda data, **_: log.debug("%s", data.get("lines"))


def _reach(address: str) -> None:
    """Whether a cluster answers there: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_PORT):
            pass
    except ValueError as error:
        raise MissingResource(f"runner 'ray': address '{address}': expected HOST:PORT or auto") from error
    except OSError as error:
        raise MissingResource(
            f"runner 'ray': nothing listens at {address} ({error.strerror or error}); `ray start --head` prints the "
            "address of a cluster, usually HOST:6379"
        ) from error
    if address.startswith("ray://"):
        return
    check = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        said = subprocess.run(check, capture_output=True, text=True, timeout=_ANSWER)
    except subprocess.TimeoutExpired as error:
        raise MissingResource(f"runner 'ray': what listens at {address} is no Ray cluster, or too busy to answer "
                              f"within {_ANSWER:.0f} s") from error  # fmt: skip
    if said.returncode and "token" in (said.stdout + said.stderr).lower():
        raise MissingResource(f"runner 'ray': {address}: {_TOKEN}")


def _told(address: str | None, said: str) -> MissingResource:
    if "token" in said.lower() or "auth" in said.lower():
        return MissingResource(f"runner 'ray': {address or 'this machine'}: {_TOKEN}")
    first = next((line for line in said.splitlines() if line.strip()), "no reason given")
    where = f"no cluster answers at {address}" if address else "Ray does not start on this machine"
    return MissingResource(f"runner 'ray': {where} ({first}); start one with: ray start --head")
