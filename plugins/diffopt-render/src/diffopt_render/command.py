"""``diffopt render``: render results as a video, a GIF, an image or a folder of frames."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from diffopt_core.common.options import Plugins, Results, output

if TYPE_CHECKING:
    from diffopt_core.interfaces import Renderer

_picture = partial(typer.Option, rich_help_panel="Picture")
_VIEW = typer.Option(
    "--view", "-v",
    help="overlay: body over the video; world: from a static camera, with "
    "the path; side: both; figure: input, overlay, path from above.",
)  # fmt: skip


class ViewName(StrEnum):
    """Views of a result."""

    overlay = "overlay"
    world = "world"
    side = "side"
    figure = "figure"


def render(
    results: Results,
    view: Annotated[ViewName, _VIEW] = ViewName.overlay,
    out: Annotated[
        Path | None, output("--out", "-o", help="x.mp4, x.gif, x.png or folder of frames; default RESULT/<view>.mp4.")
    ] = None,
    size: Annotated[str | None, _picture(metavar="WxH", help="Size of each result's image, px.")] = None,
    fps: Annotated[float | None, _picture(help="Frames per second, 0.5 to 240; default the clip's.")] = None,
    frames: Annotated[str | None, _picture(metavar="START:STOP", help="Part of the clip.")] = None,
    truth: Annotated[bool, _picture(help="Show the ground truth, if there is one.")] = True,
    renderer: Annotated[str, _picture(help="auto, gl, embree …: `diffopt show renderer`.")] = "auto",
    settings: Annotated[
        list[str] | None, _picture("--set", metavar="KEY=VALUE", help="Option of the renderer.")
    ] = None,
    crf: Annotated[int, output(min=0, max=51, help="H.264 quality: 0 is lossless, 18 visually lossless.")] = 18,
    plugins: Plugins = None,
) -> int:
    """Draw a result: over its video, in the world, or both side by side.

    Several results are drawn side by side. No display is needed.

    Example: diffopt render runs/demo --view side (after diffopt demo)
    """
    from diffopt_core.common.output import answer, say
    from diffopt_core.common.progress import shown, terminal_bar

    from diffopt_render.asked import Asked
    from diffopt_render.film import film

    asked = Asked.of(results, view.value, out, size, fps, frames, truth, crf)
    draws = _renderer(renderer, settings or [], plugins or [])
    with shown(terminal_bar):
        told = film(asked, draws)
    answer(told)
    width, height = told["size"]
    rate = f" at {told['fps']:g} fps" if "fps" in told else ""
    frames_of = "1 frame" if told["frames"] == 1 else f"{told['frames']} frames"
    say(f"{told['file']}  {frames_of} of {width} x {height}{rate}, {told['seconds']:.1f} s ({told['renderer']})")
    return 0


def _renderer(name: str, settings: list[str], plugins: list[str]) -> Renderer:
    """Build the renderer before any input is read, so that missing packages are reported at once."""
    from diffopt_core.host.provenance import device
    from diffopt_core.host.recipe import assign
    from diffopt_core.host.registry import Registry

    registry = Registry.load(plugins)
    return registry.context(device("auto")).build("renderer", name, assign({}, settings))
