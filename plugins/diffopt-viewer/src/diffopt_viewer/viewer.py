"""Viewer ``viser``: a local server, a scene, a panel, and one thread that owns them."""

from __future__ import annotations

import io
import logging
import os
import socket
import sys
import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout

import numpy as np
import viser
from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import BuildContext, Snapshot
from diffopt_core.results.saved import Figure, figure_of
from diffopt_core.types import Result

from .arrange import labels_of
from .controls import Controls
from .images import Footage
from .panels import Losses
from .player import BESIDE, RATE, Loop, Player
from .plugin import ViserConfig
from .shown import Shown, of_result, room, shown_of
from .stage import FOLLOW, FREE, SIDE, THROUGH, Stage, look, look_through

FIRST_PORT = 8080
#: Number of ports tried if none was given.
_TRIES = 100


def free_port(host: str, port: int | None) -> int:
    """``port``, or the first free one from 8080 on. Raises DiffOptError for a host that is not an address of this
    machine and for a given port that is in use: the library itself would silently use another one, or hang."""
    _check_host(host)
    if port is not None:
        if not _is_free(host, port):
            raise DiffOptError(f"port {port} of {host} is in use; give another with --port, or omit --port")
        return port
    for candidate in range(FIRST_PORT, FIRST_PORT + _TRIES):
        if _is_free(host, candidate):
            return candidate
    raise DiffOptError(
        f"no port from {FIRST_PORT} to {FIRST_PORT + _TRIES - 1} of {host} is free; give one with --port"
    )


def url_of(host: str, port: int) -> str:
    """The URL to open in a browser on this machine."""
    shown = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1", "") else host
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"


def has_display() -> bool:
    """Whether a window can be opened here."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_browser(url: str) -> bool:
    """Open a browser window; False if there is no desktop."""
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
        raise DiffOptError(f"cannot listen on host '{host}' ({reason}); 0.0.0.0 means every address") from error


def _is_free(host: str, port: int) -> bool:
    with socket.socket(_family(host), socket.SOCK_STREAM) as trial:
        if sys.platform != "win32":  # allow a port that a server closed a moment ago
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return False
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


log = logging.getLogger(__name__)
#: Shortest interval between updates of the 2D panel during playback, s.
_PANEL_EVERY = 0.1


class ViserViewer:
    """Starts the server on construction. ``where``: the URL to open."""

    def __init__(self, config: ViserConfig, ctx: BuildContext | None = None):
        port = free_port(config.host, config.port)
        with redirect_stdout(io.StringIO()):  # the library prints messages on standard output
            self.server = viser.ViserServer(host=config.host, port=port, label="DiffOpt", verbose=False)
        if config.port is not None and self.server.get_port() != port:  # taken since the check
            self._stop_server()
            raise DiffOptError(f"port {port} of {config.host} is in use; give another with --port, or omit --port")
        self.where = url_of(config.host, self.server.get_port())
        self._open_browser = has_display() if config.open is None else config.open
        self.stage = Stage(self.server, config.dark)
        self.player = Player()
        self.controls: Controls | None = None
        self._losses: Losses | None = None
        self._figures: dict[tuple, Figure] = {}
        self._truth = config.truth
        self._footage = Footage(lambda: self.do(lambda: None))
        self._drawn = 0.0
        self._closed = False
        self._theme()
        self._loop = Loop(self._tick, lambda: self.player.moving)
        self.server.on_client_connect(lambda client: self.do(lambda: None))

    def show(self, results: Sequence[Result]) -> None:
        """See :class:`diffopt_core.interfaces.Viewer`."""
        shown = self._shown(results)
        self._loop.call(lambda: self._open(shown))

    def update(self, snapshot: Snapshot) -> None:
        """See :class:`diffopt_core.interfaces.Viewer`."""
        shown = self._shown(snapshot.results, self._figures)
        self._loop.call(lambda: self._go_on(shown, snapshot))

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.close()
        self._footage.close()
        self._stop_server()

    # Interface for the panel (controls.Desk); ``do`` may be called from any thread, the rest only from the loop's.

    def do(self, change: Callable[[], None]) -> None:
        def job() -> None:
            change()
            if self.controls is not None:
                self._show_moment(still=True)

        self._loop.post(job)

    def set_view(self, name: str) -> None:
        was = self.stage.through
        self.stage.follow, self.stage.through = name == FOLLOW, name == THROUGH
        self.stage.settle()
        if was and not self.stage.through:
            for client in self.server.get_clients().values():
                client.scene.set_background_image(None)
            self.look(SIDE)

    def look(self, whence: str) -> None:
        for client in self.server.get_clients().values():
            look(self.stage, client, whence)

    def set_dark(self, dark: bool) -> None:
        self.stage.dark = dark
        self._theme()
        self.stage.settle()

    def _shown(self, results: Sequence[Result], figures: dict[tuple, Figure] | None = None) -> list[Shown]:
        """``figures``: reused from an earlier call for the same clips, to avoid reading the body file on every
        update."""
        if not results:
            raise DiffOptError("no result to show")
        labels, known = labels_of(results), {} if figures is None else figures
        for one in results:
            if _whose(one) not in known:
                known[_whose(one)] = figure_of(one)
        return [shown_of(r, labels[k], of_result(k), self._truth, known[_whose(r)]) for k, r in enumerate(results)]

    def _open(self, shown: Sequence[Shown]) -> None:
        self._losses, self._loop.rate = None, RATE
        self.player.open(shown)
        self._footage.keep(shown)
        if self.stage.through:
            self.set_view(FREE)
        with self.server.atomic():
            self.stage.follow = False
            self.stage.build(shown)
            self.controls = Controls(self.server, self, shown)
        self._show_moment(still=True)
        if self._open_browser:
            self._open_browser = False
            if not open_browser(self.where):
                log.warning("no browser could be opened; the address is %s", self.where)

    def _go_on(self, shown: Sequence[Shown], snapshot: Snapshot) -> None:
        """For the same clips, change their motion; for others, rebuild the scene."""
        old = self.stage.shown
        if self._losses is None or [(o.clip, o.frames) for o in old] != [(n.clip, n.frames) for n in shown]:
            self._open(shown)
            self._losses, self._loop.rate = Losses(self.server), BESIDE
        else:
            with self.server.atomic():
                self.stage.change(shown)
        self._losses.add(snapshot)
        self._show_moment(still=True)

    def _tick(self, seconds: float) -> None:
        self.player.advance(seconds)
        if self.server.get_clients():
            self._show_moment()

    def _show_moment(self, still: bool = False) -> None:
        """Update scene, panel and browser cameras to the player's time. ``still``: skip the rate limit."""
        assert self.controls is not None
        with self.server.atomic():
            self.stage.seek(self.player.time)
            self.controls.show_time()
        image, pending = self._footage.bring(self.stage)
        if pending:
            return  # a callback follows when it is decoded
        if self.stage.through:
            for client in self.server.get_clients().values():
                look_through(self.stage, client, image)
        now = time.monotonic()
        if still or now - self._drawn > _PANEL_EVERY:
            self._drawn = now
            self._show_image(image)

    def _show_image(self, image: np.ndarray | None) -> None:
        controls, stage = self.controls, self.stage
        lead = stage.leader.shown
        if controls is None or controls.image is None or lead.seen is None:
            return
        seen = [
            (group.shown.seen, group.shown.colour, group.frame)
            for group, on in zip(stage.groups, stage.wanted, strict=True)
            if on and group.shown.clip == lead.clip and group.shown.seen is not None
            if group.shown.seen.size == lead.seen.size
        ] or [(lead.seen, lead.colour, stage.leader.frame)]
        controls.image.show(image, seen, room(stage.dark))

    def _theme(self) -> None:
        self.server.gui.configure_theme(
            dark_mode=self.stage.dark, show_logo=False, show_share_button=False, brand_color=of_result(0)
        )

    def _stop_server(self) -> None:
        with redirect_stdout(io.StringIO()):
            self.server.stop()


def _whose(result: Result) -> tuple:
    """Cache key of a result's figure: clip, body, shape."""
    clip, betas = result.clip, tuple(result.motion.betas.reshape(-1).tolist())
    return (clip.name, clip.path, clip.num_frames, result.body_model, betas)
