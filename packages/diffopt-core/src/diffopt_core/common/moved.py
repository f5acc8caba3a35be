"""Modules under the names by which plugins knew them before version 0.2: the same modules, found where they are now."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_CORE = "diffopt_core"
#: Name below it -> where it is now.
MOVED = {
    "bodies": "parts.bodies",
    "choice": "host.choice",
    "completion": "host.completion",
    "datasets": "parts.datasets",
    "datasets.npz": "common.npz",
    "demo_motion": "parts.demo_motion",
    "foreign": "perception.foreign",
    "geometry": "data.geometry",
    "jobs": "common.jobs",
    "options": "common.options",
    "places": "common.places",
    "progress": "common.progress",
    "recipe": "host.recipe",
    "registry": "host.registry",
    "rotation": "data.rotation",
    "run": "results.run",
    "saved": "results.saved",
    "skeleton": "data.skeleton",
    "testing": "host.testing",
    "unpickle": "common.unpickle",
    "video": "perception.video",
    "voice": "common.voice",
    "weights": "perception.weights",
    "window": "data.window",
}


class _Finder(MetaPathFinder, Loader):
    """Asked after all others, so that it costs nothing where a name is today's."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        return ModuleSpec(fullname, self) if package == _CORE and name in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"{_CORE}.{MOVED[spec.name.partition(chr(46))[2]]}")
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own  # the machinery has put the old name's there


def install() -> None:
    sys.meta_path.append(_Finder())
