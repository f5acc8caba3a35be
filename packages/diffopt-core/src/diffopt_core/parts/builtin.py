"""The core's own plugin. It registers through the same hooks as any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ..plugin import Component, WeightFile, fixed, hookimpl
from . import bodies, datasets, metrics, terms

_CORE = "diffopt_core"
_GIVEN, _AUTO = f"{_CORE}.perception.from_file", "the file's own, or for a video the installed default"
_EXECUTORS, _EXPORTERS = f"{_CORE}.parts.executors", f"{_CORE}.parts.exporters"
_FIELDS = f"{_CORE}.parts.representations.configs"
#: Rows of kinds with few components; kinds with many have their rows in their own package.
_FEW = (
    Component("detector", "auto", f"{_GIVEN}:AutoVideoConfig", _AUTO, sets={"builds": f"{_GIVEN}:AutoDetector"}),
    Component("camera", "auto", f"{_GIVEN}:AutoVideoConfig", _AUTO, sets={"builds": f"{_GIVEN}:AutoCamera"}),
    Component("initializer", "auto", f"{_GIVEN}:AutoInitializerConfig", _AUTO),
    fixed("detector", "given", f"{_GIVEN}:GivenDetector", "the keypoints of the clip's file"),
    fixed("camera", "given", f"{_GIVEN}:GivenCamera", "the camera of the clip's file"),
    fixed("initializer", "given", f"{_GIVEN}:GivenBody", "the body of the clip's file"),
    Component("prior", "none", f"{_GIVEN}:NoPriorConfig", "no prior"),
    Component("representation", "nemo", f"{_FIELDS}:NemoConfig", "neural motion field: a network of time (sec. 3.1)"),
    Component("representation", "raw", f"{_FIELDS}:RawConfig", "a free tensor for every frame (Table 5)"),
    Component("executor", "auto", f"{_EXECUTORS}:AutoConfig", "cudagraph on a CUDA device, eager elsewhere"),
    fixed("executor", "eager", f"{_EXECUTORS}:Eager", "plain calls, one operation after the other"),
    Component("executor", "cudagraph", f"{_EXECUTORS}:CudaGraphConfig",
              "a block's step captured once as a CUDA graph and replayed"),
    fixed("exporter", "npz", f"{_EXPORTERS}:NpzExporter", "motion.npz: arrays of motion, joints and camera"),
    fixed("exporter", "json", f"{_EXPORTERS}:JsonExporter", "motion.json: the same as text, with the metrics"),
    fixed("exporter", "evidence", f"{_EXPORTERS}:EvidenceExporter",
          "evidence.npz: keypoints, initial motion and camera, losses, for reports and viewers"),
    Component("runner", "local", f"{_CORE}.parts.runners:LocalConfig",
              "processes on this machine, one per GPU or per core"),
)  # fmt: skip
_RECIPES = Path(__file__).parent / "recipes"


@hookimpl
def diffopt_components() -> Iterable[Component]:
    rooms = (datasets, bodies, terms, metrics)
    return [*_FEW, *(component for room in rooms for component in room.COMPONENTS)]


@hookimpl
def diffopt_weights() -> Iterable[WeightFile]:
    return bodies.WEIGHTS


@hookimpl
def diffopt_recipes() -> Mapping[str, Path]:
    return {path.relative_to(_RECIPES).with_suffix("").as_posix(): path for path in sorted(_RECIPES.rglob("*.toml"))}
