"""Contract tests for plugin authors. Import them in a test file; they are not loaded otherwise.

A contract is a class of tests. Derive from it and name the component::

    from diffopt_core.host.testing import PriorContract

    class TestStill(PriorContract):
        name = "still"

The component is looked up among the installed plugins.
"""

from __future__ import annotations

from .checks import contract_of, run_checks
from .component import ComponentContract, RunnerContract
from .evidence import BodyContract, CameraContract, DetectorContract, InitializerContract
from .problem import StickBody, clip_alone, disturbed, make_problem, make_scene, residual_of
from .renderer import RendererContract
from .results import DatasetContract, ExporterContract, MetricContract, make_clip, make_result
from .steps import ExecutorContract, RepresentationContract
from .term import HostSync, PriorContract, TermContract, forbid_host_sync
from .viewer import ViewerContract

__all__ = [
    "BodyContract",
    "CameraContract",
    "ComponentContract",
    "DatasetContract",
    "DetectorContract",
    "ExecutorContract",
    "ExporterContract",
    "HostSync",
    "InitializerContract",
    "MetricContract",
    "PriorContract",
    "RendererContract",
    "RepresentationContract",
    "RunnerContract",
    "StickBody",
    "TermContract",
    "ViewerContract",
    "clip_alone",
    "contract_of",
    "disturbed",
    "forbid_host_sync",
    "make_clip",
    "make_problem",
    "make_result",
    "make_scene",
    "residual_of",
    "run_checks",
]
