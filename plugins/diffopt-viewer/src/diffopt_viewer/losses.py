"""Losses of a solve that goes on: a line of text and curves, by looks."""

from __future__ import annotations

import html

import numpy as np
import viser
from diffopt_core.interfaces import Glance
from viser import uplot

from .colours import RESULTS, css


class Losses:
    """A folder in the panel. A stage has terms of its own, so each begins a new chart."""

    def __init__(self, server: viser.ViserServer):
        self._gui = server.gui
        self._folder = server.gui.add_folder("Solve", order=-1.0)
        with self._folder:
            self._text = server.gui.add_html("")
            self._bar = server.gui.add_progress_bar(0.0)
        self._chart: viser.GuiUplotHandle | None = None
        self._stage = ""
        self._steps: list[int] = []
        self._values: dict[str, list[float]] = {}

    def add(self, glance: Glance) -> None:
        if glance.stage != self._stage or set(glance.losses) != set(self._values):
            self._stage, self._steps = glance.stage, []
            self._values = {name: [] for name in glance.losses}
            if self._chart is not None:
                self._chart.remove()
                self._chart = None
        self._steps.append(glance.done)
        for name, value in glance.losses.items():
            self._values[name].append(value)
        self._text.content = (
            f"<div style='padding:0 1em;font-size:0.85em'>stage <b>{html.escape(glance.stage)}</b>, "
            f"step {glance.done} of {glance.total}</div>"
        )
        self._bar.value = 100.0 * glance.done / max(glance.total, 1)  # type: ignore[misc]
        self._draw()

    def finish(self) -> None:
        self._folder.remove()

    def _draw(self) -> None:
        if len(self._steps) < 2 or not self._values:
            return
        data = (np.array(self._steps, float), *(_logarithm(values) for values in self._values.values()))
        if self._chart is not None:
            self._chart.data = data
            return
        series = [uplot.Series(label="step")]
        for number, name in enumerate(self._values):
            series.append(uplot.Series(label=name, stroke=css(RESULTS[number % len(RESULTS)]), width=2))
        with self._folder:
            self._chart = self._gui.add_uplot(
                data,
                tuple(series),
                title="log10 of each term, by step",
                scales={"x": uplot.Scale(time=False)},
                aspect=1.5,
                axes=(_axis(26), _axis(40)),
            )


def _logarithm(values: list[float]) -> np.ndarray:
    """Base 10; a term that is 0, as one of a block that has not run yet, is drawn at its smallest other value."""
    array = np.array(values, float)
    good = np.isfinite(array) & (array > 0)
    return np.log10(np.where(good, array, array[good].min() if good.any() else 1.0))


def _axis(size: int) -> uplot.Axis:
    thin = uplot.Axis_Grid(stroke="rgba(128,128,128,0.25)", width=1)
    return uplot.Axis(stroke="#888", size=size, grid=thin, ticks=uplot.Axis_Ticks(show=False))
