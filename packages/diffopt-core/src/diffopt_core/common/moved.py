"""Former module names of the core, which plugins may still import: each gives the same module at its present place."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_CORE = "diffopt_core"
#: Former name, relative to the package -> present module.
MOVED = {
    "bodies": "parts.bodies",
    "choice": "host.choice",
    "common.voice": "common.output",
    "completion": "host.completion",
    "datasets": "parts.datasets",
    "datasets.npz": "common.npz",
    "demo_motion": "parts.demo_motion",
    "foreign": "perception.foreign",
    "geometry": "data.geometry",
    "jobs": "common.jobs",
    "noise": "data.noise",
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
    "train": "host.train",
    "unpickle": "common.unpickle",
    "video": "perception.video",
    "voice": "common.output",
    "weights": "perception.weights",
    "window": "data.window",
}


def _today(fullname: str) -> str | None:
    """Present name of a module or one of its submodules; None if the name is not a former one."""
    package, _, name = fullname.partition(".")
    parts = name.split(".") if package == _CORE else []
    for count in range(len(parts), 0, -1):
        if (held := ".".join(parts[:count])) in MOVED:
            return ".".join([_CORE, MOVED[held], *parts[count:]])
    return None


class _Finder(MetaPathFinder, Loader):
    """Must come before all other finders: otherwise submodules of a former name would be loaded a second time."""

    def find_spec(
        self, fullname: str, path: Iterable[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return None if _today(fullname) is None else ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(str(_today(spec.name)))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state  # the import system has set the spec of the former name


def install() -> None:
    sys.meta_path.insert(0, _Finder())
