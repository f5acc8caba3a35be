"""The page: data and text of results in one HTML file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from diffopt_core.common.npz import atomic
from diffopt_core.errors import DiffOptError
from diffopt_core.types import Result

from .about import figure_table, figures_of, provenance, rests_on, settings, tiles, told
from .curves import charts_of
from .scene import Blob, images_of, scene_of
from .tracks import stage_of

_PAGE = Path(__file__).parent / "page"
#: Scripts in order of dependency.
SCRIPTS = ("data.js", "maths.js", "shaders.js", "shapes.js", "gl.js", "flat.js", "orbit.js", "views.js", "stage.js",
           "player.js", "svg.js", "chart.js", "over_time.js", "totals.js", "above.js", "main.js")  # fmt: skip
_HEIGHT = 760  # px, in a notebook


class Page:
    """One result, or several of one clip overlaid. Displays itself in a notebook.

    ``images``: include small frames of the clip's video, if there is one. ``labels``: one name per result, and
    ``title``; default: from the folders and the clip. Raises BadInput naming file and key for a result that cannot be
    shown, DiffOptError for results that cannot be compared.
    """

    def __init__(
        self, result: Result | Sequence[Result], *, images: bool = True, labels: Sequence[str] = (), title: str = ""
    ):
        self._results = (result,) if isinstance(result, Result) else tuple(result)
        if not self._results:
            raise DiffOptError("a report needs at least one result")
        self._labels = tuple(labels) or _names(self._results)
        self._images = images
        name = self._results[0].clip.name
        self._title = title or (name if len(self._results) == 1 else f"{name}: {len(self._results)} results")

    @cached_property
    def html(self) -> str:
        """The whole file."""
        head, blob = self._results[0], Blob()
        stage = stage_of(self._results, self._labels)
        data = {
            "scene": scene_of(stage, head, images_of(head.clip) if self._images else None, blob),
            "charts": charts_of(stage, head, blob),
        }
        figures = figures_of(self._results)
        parts = {
            "title": escape(self._title),
            "style": (_PAGE / "style.css").read_text(),
            "about": self._about(),
            "grounds": rests_on(self._results),
            "told": told(self._results, self._labels),
            "tiles": tiles(figures) if len(self._results) == 1 else "",
            "figures": figure_table(figures, self._labels),
            "settings": self._each(settings),
            "provenance": self._each(lambda result: provenance(result, stage.words if result is head else ())),
            "data": _json(data),
            "blob": blob.text(),
            "script": "\n".join((_PAGE / name).read_text() for name in SCRIPTS),
        }
        return filled((_PAGE / "page.html").read_text(), parts)

    def write(self, path: Path) -> Path:
        """Write the file atomically; raises DiffOptError naming a folder that cannot be written."""
        content = self.html.encode()
        with atomic(path) as file:
            file.write(content)
        return path

    def frame(self) -> str:
        """An iframe with the whole page, for embedding: no server, and isolated from the other page's styles and
        scripts."""
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="{escape(self._title)}" '
            f'style="width:100%;height:{_HEIGHT}px;border:0;border-radius:8px" allow="fullscreen"></iframe>'
        )

    def _repr_html_(self) -> str:
        return self.frame()

    def _about(self) -> str:
        """One line under the title."""
        head = self._results[0]
        frames, fps = len(head.joints), head.clip.fps
        status = " ".join(
            f"<span class='status {escape(str(s))}'>{escape(str(s))}</span>"
            for s in dict.fromkeys(r.status for r in self._results)
        )
        if any(result.untrusted for result in self._results):
            status += " <span class='status doubtful'>not trusted</span>"
        parts = [
            f"{frames:,} frames", f"{frames / fps:,.1f} s at {fps:g} fps",
            f"body {escape(', '.join(dict.fromkeys(r.body_model for r in self._results)))}",
        ]  # fmt: skip
        if head.clip.size[0]:
            parts.append(f"{head.clip.size[0]} × {head.clip.size[1]} px")
        return f"{status} <span>{' · '.join(parts)}</span>"

    def _each(self, text: Any) -> str:
        if len(self._results) == 1:
            return text(self._results[0])
        pairs = zip(self._labels, self._results, strict=True)
        return "".join(
            f"<details><summary>{escape(label)}</summary>{text(result)}</details>" for label, result in pairs
        )


def write_report(result: Result | Sequence[Result], path: Path, *, images: bool = True) -> Path:
    """``report.html`` of a result, or of several of one clip; see :class:`Page`."""
    return Page(result, images=images).write(path)


def shown(result: Result) -> str:
    """Notebook display of a result (entry point group ``diffopt.display``)."""
    return Page(result).frame()


def filled(template: str, parts: dict[str, str]) -> str:
    """Replace each ``{{name}}`` once; inserted text is not searched again."""
    pieces: list[str] = []
    for piece in template.split("{{"):
        name, closed, rest = piece.partition("}}")
        pieces.append(parts[name] + rest if closed and pieces else piece)
    return "".join(pieces)


def _names(results: Sequence[Result]) -> tuple[str, ...]:
    """Labels of the results: their folder names, or numbers if those are equal."""
    if len(results) == 1:
        return ("recovered",)
    folders = [r.clip.path.absolute().parent.name if r.clip.path else r.clip.name for r in results]
    return tuple(f"{name} ({n + 1})" if folders.count(name) > 1 else name for n, name in enumerate(folders))


def _json(data: dict[str, Any]) -> str:
    """JSON without ``<``, so that no name can end the script element."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


class ReportExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def export(self, result: Result, folder: Path) -> list[Path]:
        """``report.html``; raises DiffOptError naming a folder that cannot be written."""
        write_report(result, folder / "report.html")
        return [folder / "report.html"]
