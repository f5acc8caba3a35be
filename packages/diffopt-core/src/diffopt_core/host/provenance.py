"""Provenance of a result: versions, machine, seed, licences."""

from __future__ import annotations

import importlib.metadata
import platform
import resource
import sys
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from ..data.window import Evidence
from ..errors import MissingResource
from .recipe import ROLES, Recipe
from .registry import Registry


def device(name: str) -> torch.device:
    """The device for ``auto`` (CUDA if available), ``cpu`` or ``cuda[:N]``. Raises MissingResource if it does not
    exist."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise MissingResource(f"--device {name}: not a device; expected auto, cpu or cuda[:N]") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise MissingResource(f"--device {name}: torch {torch.__version__} finds no CUDA device; use --device cpu")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise MissingResource(
            f"--device {name}: there are only {torch.cuda.device_count()} CUDA devices, numbered from 0"
        )
    try:
        torch.zeros(1, device=chosen).cpu()
    except (RuntimeError, AssertionError, ImportError) as error:  # NotImplementedError is one of RuntimeError
        raise MissingResource(
            f"--device {name}: torch {torch.__version__} cannot use it on this machine; use --device cpu"
        ) from error
    return chosen


def provenance(
    registry: Registry, recipe: Recipe, chosen: torch.device, seed: int, members: Sequence[Evidence] = ()
) -> dict[str, Any]:
    """Versions of every distribution that took part (including hooks and the perception of ``members``), the machine,
    the seed, and the terms of use of the components."""
    used = [(kind, getattr(recipe, role).name) for role, kind in _named(registry, recipe)]
    used += [("term", spec.name) for spec in recipe.used_terms().values()]
    used += [("exporter", spec.name) for spec in recipe.exporters] + [("metric", name) for name in recipe.metrics]
    used += [(kind, str(part.facts.get("component"))) for item in members for kind, part in item.clip.parts.items()]
    used += [("dataset", str(item.clip.facts.get("dataset"))) for item in members]
    owners = {registry.source(kind, name) for kind, name in used} - {"?"}
    owners |= {plugin.distribution for plugin in registry.plugins if _watches(registry, plugin.name)}
    licences = {}
    for role, kind in _named(registry, recipe):
        name, options = getattr(recipe, role).name, getattr(recipe, role).options
        if text := registry.config(kind, name, options).terms_of_use():
            licences[f"{kind} {name}"] = text
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else platform.processor() or "cpu",
        "device_type": chosen.type,
        "threads": torch.get_num_threads(),
        "seed": seed,
        "versions": versions({"diffopt-core", "torch", "numpy", *owners}),
        "licences": licences,
    }


def perception_terms(registry: Registry, members: Sequence[Evidence]) -> dict[str, str]:
    """Terms of use of the components that ``auto`` resolved to."""
    terms: dict[str, str] = {}
    for item in members:
        for kind, part in item.clip.parts.items():
            name = str(part.facts.get("component", ""))
            if name in registry.components[kind] and (text := registry.config(kind, name, {}).terms_of_use()):
                terms[f"{kind} {name}"] = text
    return terms


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """Installed version of each distribution; for a plugin file, its sha256."""
    found = {}
    for name in sorted(distributions):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            file = Path(name)
            found[name] = f"sha256 {sha256(file.read_bytes()).hexdigest()[:16]}" if file.is_file() else "not installed"
    return found


def _watches(registry: Registry, plugin: str) -> bool:
    """Whether a plugin implements run hooks and may therefore influence a run."""
    names = ("diffopt_run_started", "diffopt_stage_finished", "diffopt_run_finished")
    hooks = [getattr(registry.manager.hook, name) for name in names]
    return any(each.plugin_name == plugin for hook in hooks for each in hook.get_hookimpls())


def _named(registry: Registry, recipe: Recipe) -> list[tuple[str, str]]:
    """Kind and name of the components that the recipe names (not ``auto``)."""
    return [(role, kind) for role, kind in ROLES.items() if getattr(recipe, role).name in registry.components[kind]]


def peak_memory(chosen: torch.device) -> dict[str, float]:
    """Peak memory of this process, MiB."""
    scale = 1 if sys.platform == "darwin" else 1024
    out = {"host_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 2**20}
    if chosen.type == "cuda":
        out["device_mib"] = torch.cuda.max_memory_allocated(chosen) / 2**20
    return out
