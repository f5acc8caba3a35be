"""Settings of viewer ``viser``."""

from __future__ import annotations

from typing import Annotated, ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import Field


class ViserConfig(ComponentConfig):
    """3D view in the browser, served from this machine.

    ``host``: address to listen on; the default accepts only this machine, 0.0.0.0 also others (for work on a remote
    server). ``port``: None: the first free port from 8080. ``open``: open a browser window; None: if there is a
    display. ``dark``: start with dark colours. ``truth``: show the ground truth.
    """

    builds: ClassVar[str] = "diffopt_viewer.viewer:ViserViewer"

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    open: bool | None = None
    dark: bool = False
    truth: bool = True
