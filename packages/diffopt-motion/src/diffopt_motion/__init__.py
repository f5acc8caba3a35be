"""DiffOpt: global human motion from a video by a moving camera.

``recover(path)`` solves a clip, ``load(folder)`` reads a result that was written; the command line does the same
things by the same functions. ``write_case`` checks and writes evidence of one's own, ``write_demo`` the
demonstration's, ``Page`` sets results side by side. Every error that a user can mend is a ``DiffOptError``.
"""

from __future__ import annotations

from diffopt_core.errors import DiffOptError
from diffopt_core.host.recipe import Recipe
from diffopt_core.parts.datasets.case_file import write_case
from diffopt_core.parts.demo_motion import write_demo
from diffopt_core.results.recover import load, recover
from diffopt_core.types import Result
from diffopt_lab.report import Page

__all__ = ["DiffOptError", "Page", "Recipe", "Result", "load", "recover", "write_case", "write_demo"]
