"""Where the server listens, and whether a browser can be opened: asked before the library binds anything."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser

from diffopt_core.errors import DiffOptError

FIRST_PORT = 8080
#: Ports that are tried from the first on when none was named.
_TRIES = 100


def free_port(host: str, port: int | None) -> int:
    """``port``, or the first free one from 8080 on. Raises DiffOptError for a host that is none of this machine's
    and for a named port that is taken: the library itself would go to another one without a word, or wait for ever."""
    _check_host(host)
    if port is not None:
        if not _is_free(host, port):
            raise DiffOptError(f"port {port} of {host} is in use; name another with --port, or none at all")
        return port
    for candidate in range(FIRST_PORT, FIRST_PORT + _TRIES):
        if _is_free(host, candidate):
            return candidate
    raise DiffOptError(
        f"no port from {FIRST_PORT} to {FIRST_PORT + _TRIES - 1} of {host} is free; name one with --port"
    )


def url_of(host: str, port: int) -> str:
    """What to type into a browser on this machine."""
    shown = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1", "") else host
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"


def has_display() -> bool:
    """Whether a window can be opened here."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_browser(url: str) -> bool:
    """Ask the desktop for a window; False where there is none to ask."""
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


def _check_host(host: str) -> None:
    try:
        with socket.socket(_family(host), socket.SOCK_STREAM) as trial:
            trial.bind((host, 0))
    except OSError as error:
        reason = error.strerror or str(error)
        raise DiffOptError(f"host '{host}' cannot be listened on ({reason}); 0.0.0.0 means every address") from error


def _is_free(host: str, port: int) -> bool:
    with socket.socket(_family(host), socket.SOCK_STREAM) as trial:
        if sys.platform != "win32":  # a port that a server left a moment ago is free
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return False
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
