"""The contract of viewers, kept by ``viser`` on a machine without a display."""

from __future__ import annotations

from diffopt_core.host.testing import ViewerContract


class TestViser(ViewerContract):
    name = "viser"
    options = {"open": False}  # noqa: RUF012
