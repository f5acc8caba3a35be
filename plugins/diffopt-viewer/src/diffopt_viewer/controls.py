"""The panel beside the scene. It changes player and stage through the desk, and shows their state."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import viser

from .arrange import FITS, Fit
from .group import HIDDEN_AT_FIRST, LAYERS
from .panels import ImagePanel
from .player import SPEEDS, Player
from .shown import Shown, css, paler, room
from .stage import ABOVE, FOLLOW, FREE, SIDE, THROUGH, Stage


@runtime_checkable
class Desk(Protocol):
    """The panel's interface to the viewer. ``do`` runs a change in the thread that owns the scene, then shows it."""

    stage: Stage
    player: Player

    def do(self, change: Callable[[], None]) -> None: ...

    def set_view(self, name: str) -> None: ...

    def look(self, whence: str) -> None: ...

    def set_dark(self, dark: bool) -> None: ...


class Controls:
    """The panel; rebuilt for each set of results."""

    def __init__(self, server: viser.ViserServer, desk: Desk, shown: Sequence[Shown]):
        self._gui, self._desk = server.gui, desk
        self._gui.reset()
        self._add_legend(shown)
        self._add_time()
        self.image: ImagePanel | None = None
        if any(one.seen is not None for one in shown):
            self.image = ImagePanel(server.gui, lambda: desk.do(lambda: None))
        self._add_view(shown)
        self._add_layers(shown)
        self._add_keys()

    def show_time(self) -> None:
        """Update slider, button and text to the player's time."""
        player, stage = self._desk.player, self._desk.stage
        self.slider.value = player.frame  # type: ignore[misc]
        label = "Pause" if player.playing else "Play"
        if self.play.label != label:  # a button that is updated at every tick is hard to press
            self.play.label = label
            self.play.icon = viser.Icon.PLAYER_PAUSE if player.playing else viser.Icon.PLAYER_PLAY
        parts = [f"{player.frame / player.fps:.2f} of {player.frames / player.fps:.2f} s"]
        error, seen = stage.leader.error(), stage.leader.shown.seen
        if error is not None:
            parts.append(f"truth {1000 * error:.0f} mm off")
        off = seen.error(stage.leader.frame) if seen is not None else None
        if off is not None:
            parts.append(f"keypoints {off:.1f} px")
        self.reading.content = _small(" · ".join(parts))

    def _add_legend(self, shown: Sequence[Shown]) -> None:
        desk = self._desk
        rows = [_row(css(one.colour), _about(one)) for one in shown]
        if any(one.truth is not None for one in shown):
            ink = room(desk.stage.dark).truth
            rows.append(_row(css(ink), "truth"))
        if any(one.initial is not None for one in shown):
            rows.append(_row(css(paler(shown[0].colour)), "paler: first estimate"))
        self._gui.add_html("<div style='padding:0.3em 0.8em 0.1em'>" + "".join(rows) + "</div>")

    def _add_time(self) -> None:
        gui, desk = self._gui, self._desk
        single = desk.player.frames < 2
        self.play = gui.add_button("Play", icon=viser.Icon.PLAYER_PLAY, disabled=single)
        self.slider = gui.add_slider("Frame", 0, max(desk.player.frames - 1, 0), 1, 0, disabled=single)
        self.reading = gui.add_html("")
        speed = gui.add_dropdown("Speed", SPEEDS, initial_value="1×")

        @self.play.on_click
        def _(event: viser.GuiEvent) -> None:
            desk.do(self._toggle)

        @self.slider.on_update
        def _(event: viser.GuiEvent) -> None:
            if event.client is not None:  # not if the player moved it
                desk.do(lambda: desk.player.go_to(int(self.slider.value)))

        @speed.on_update
        def _(event: viser.GuiEvent) -> None:
            desk.do(lambda: setattr(desk.player, "speed", float(speed.value.rstrip("×"))))

    def _add_view(self, shown: Sequence[Shown]) -> None:
        gui, desk, stage = self._gui, self._desk, self._desk.stage
        through = (THROUGH,) if any(one.cameras is not None for one in shown) else ()
        with gui.add_folder("View"):
            self.view = gui.add_dropdown("View", (FREE, FOLLOW, *through), initial_value=FREE)
            whence = gui.add_button_group("Look", (SIDE, ABOVE))
            if len(shown) > 1:
                lanes = gui.add_checkbox("Side by side", stage.lanes)
                lanes.on_update(lambda _: desk.do(lambda: self._relay(lanes=bool(lanes.value))))
            if len(shown) > 1 or any(one.truth is not None for one in shown):
                hint = "Alignment of overlaid results: by all frames, or by the first one (drift becomes visible)"
                fit = gui.add_dropdown("Aligned by", FITS, initial_value=stage.fit, hint=hint)
                fit.on_update(lambda _: desk.do(lambda: self._relay(fit=fit.value)))
            dark = gui.add_checkbox("Dark", stage.dark)
        self.view.on_update(lambda _: desk.do(lambda: desk.set_view(self.view.value)))
        whence.on_click(lambda _: desk.do(lambda: desk.look(whence.value)))
        dark.on_update(lambda _: desk.do(lambda: desk.set_dark(bool(dark.value))))

    def _add_layers(self, shown: Sequence[Shown]) -> None:
        gui, stage = self._gui, self._desk.stage
        have = {
            "truth": any(one.truth is not None for one in shown),
            "initial": any(one.initial is not None for one in shown),
            "camera": any(one.cameras is not None for one in shown),
            "cameras": any(one.cameras is not None for one in shown),
            "image": any(one.video is not None for one in shown),
        }
        with gui.add_folder("Show"):
            if len(shown) > 1:
                for number, one in enumerate(shown):
                    self._add_switch(one.label, True, stage.wanted, number)
            for layer, label in {**LAYERS, "ground": "Ground"}.items():
                if have.get(layer, True):
                    self._add_switch(label, layer not in HIDDEN_AT_FIRST, stage.layers, layer)

    def _add_switch(self, label: str, on: bool, table: Any, key: Any) -> None:
        desk = self._desk
        box = self._gui.add_checkbox(label, on)

        def change() -> None:
            table[key] = bool(box.value)
            desk.stage.settle()

        box.on_update(lambda _: desk.do(change))

    def _add_keys(self) -> None:
        desk = self._desk
        keys: tuple[tuple[str, Literal["space", "N", "B"], Callable[[], None]], ...] = (
            ("Play or pause", "space", self._toggle),
            ("Next frame", "N", lambda: desk.player.step(1)),
            ("Frame before", "B", lambda: desk.player.step(-1)),
        )
        for label, key, change in keys:
            self._gui.add_command(label, hotkey=key).on_trigger(self._done_by(change))

    def _done_by(self, change: Callable[[], None]) -> Callable[[object], None]:
        return lambda _: self._desk.do(change)

    def _toggle(self) -> None:
        self._desk.player.playing = not self._desk.player.playing

    def _relay(self, lanes: bool | None = None, fit: Fit | None = None) -> None:
        stage = self._desk.stage
        stage.lanes = stage.lanes if lanes is None else lanes
        stage.fit = stage.fit if fit is None else fit
        stage.settle()
        if lanes is not None and self.view.value != THROUGH:
            self._desk.look(SIDE)


def _about(one: Shown) -> str:
    name = f"<b>{html.escape(one.label)}</b>"
    rest = f"{one.frames} frames at {one.fps:g} fps"
    if one.status not in ("finished", "running"):
        rest += f", <b>{html.escape(one.status)}</b>"
    return f"{name} <span style='opacity:0.7'>{rest}</span>"


_ROW = "display:flex;align-items:center;font-size:0.85em;line-height:1.5"
_SQUARE = "flex:none;width:0.8em;height:0.8em;margin-right:0.5em;border-radius:2px;background:"


def _row(colour: str, text: str) -> str:
    return f"<div style='{_ROW}'><span style='{_SQUARE}{colour}'></span><span>{text}</span></div>"


def _small(text: str) -> str:
    return f"<div style='padding:0 1em;font-size:0.75em;opacity:0.75'>{text}</div>"
