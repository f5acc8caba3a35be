"""DiffOpt: global human motion from a video by a moving camera.

``recover(path)`` solves a clip, ``load(folder)`` reads a written result; the command line uses the same functions.
``write_case`` validates and writes your own observations, ``write_demo`` those of the demo, ``Page`` compares results
side by side. Every error that a user can fix is a ``DiffOptError``.
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
