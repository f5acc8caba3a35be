"""Settings of viewer ``viser``."""

from __future__ import annotations

from typing import Annotated, ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import Field


class ViserConfig(ComponentConfig):
    """3D in the browser, served from this machine.

    ``host``: the address that is listened on; the default is reached from this machine alone, 0.0.0.0 from
    others too, as who works on a server needs it. ``port``: None takes
    the first free one from 8080 on. ``open``: open a browser window; None where there is a display. ``dark``: dark
    colours to begin with. ``truth``: show what the clip was scored against.
    """

    builds: ClassVar[str] = "diffopt_viewer.viewer:ViserViewer"

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    open: bool | None = None
    dark: bool = False
    truth: bool = True
