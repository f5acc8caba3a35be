"""The protocols, at most three methods each, and the context that ``build`` receives. One file, however long: whoever
writes a plugin reads its protocol beside the context and finds every kind here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol, overload, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from .common.jobs import Job, JobEnd
from .config import ComponentConfig
from .plugin import Component
from .types import CameraFrameBody, CameraTrajectory, Clip, HumanMotion, MotionEvidence, Observations, Result, Scene


@runtime_checkable
class Noise(Protocol):
    """Random numbers with a stream of its own for every clip of the batch, so that a clip solved in a batch
    sees the same noise as the clip solved alone."""

    @property
    def streams(self) -> Sequence[torch.Generator]:
        """The generators that are drawn from."""
        ...

    def normal(self, shape: tuple[int, ...]) -> Float[Tensor, "B *shape"]: ...

    def uniform(self, shape: tuple[int, ...]) -> Float[Tensor, "B *shape"]: ...


#: Options of a component.
Options = Mapping[str, Any]


@runtime_checkable
class Host(Protocol):
    """Who knows the components: a :class:`diffopt_core.host.registry.Registry`."""

    @property
    def components(self) -> Mapping[str, Mapping[str, Component]]:
        """Kind, name, row."""
        ...

    def source(self, kind: str, name: str) -> str:
        """The distribution (or file) that offers a component."""
        ...

    def config_class(self, kind: str, name: str) -> type[ComponentConfig]: ...

    def config(self, kind: str, name: str, options: Options) -> ComponentConfig: ...

    def build(self, kind: str, name: str, options: Options, ctx: BuildContext) -> Any: ...


@dataclass(frozen=True)
class BuildContext:
    """What every ``build`` receives: the device, the seed, and a way to build other components by name.
    :meth:`diffopt_core.host.registry.Registry.context` makes one.

    ``env``: the environment that foreign programs run in, as the user named it (``--env``): ``uv``, a path,
    ``conda:NAME``; None leaves it to the component (:mod:`diffopt_core.perception.foreign`).
    """

    device: torch.device
    seed: int
    host: Host
    env: str | None = field(default=None, kw_only=True)

    @overload
    def build(self, kind: Literal["dataset"], name: str, options: Options = ..., /, **more: Any) -> Dataset: ...
    @overload
    def build(self, kind: Literal["detector"], name: str, options: Options = ..., /, **more: Any) -> Detector: ...
    @overload
    def build(self, kind: Literal["camera"], name: str, options: Options = ..., /, **more: Any) -> CameraSource: ...
    @overload
    def build(self, kind: Literal["initializer"], name: str, options: Options = ..., /, **more: Any) -> Initializer: ...
    @overload
    def build(self, kind: Literal["body"], name: str, options: Options = ..., /, **more: Any) -> Body: ...
    @overload
    def build(
        self, kind: Literal["representation"], name: str, options: Options = ..., /, **more: Any
    ) -> Representation: ...
    @overload
    def build(self, kind: Literal["prior", "term"], name: str, options: Options = ..., /, **more: Any) -> Energy: ...
    @overload
    def build(self, kind: Literal["executor"], name: str, options: Options = ..., /, **more: Any) -> Executor: ...
    @overload
    def build(self, kind: Literal["exporter"], name: str, options: Options = ..., /, **more: Any) -> Exporter: ...
    @overload
    def build(self, kind: Literal["metric"], name: str, options: Options = ..., /, **more: Any) -> Metric: ...
    @overload
    def build(self, kind: Literal["viewer"], name: str, options: Options = ..., /, **more: Any) -> Viewer: ...
    @overload
    def build(self, kind: Literal["renderer"], name: str, options: Options = ..., /, **more: Any) -> Renderer: ...
    @overload
    def build(self, kind: Literal["runner"], name: str, options: Options = ..., /, **more: Any) -> Runner: ...
    @overload
    def build(self, kind: str, name: str, options: Options = ..., /, **more: Any) -> Any: ...
    def build(self, kind: str, name: str, options: Options = MappingProxyType({}), /, **more: Any) -> Any:
        """The component of that kind and name, built with this very context: parts of a component see its problem.

        Options by keyword, ``ctx.build("body", "smpl", gender="female")``, or as a mapping.
        """
        return self.host.build(kind, name, {**options, **more}, self)


@dataclass(frozen=True)
class ProblemContext(BuildContext):
    """What bodies, representations, terms, priors and executors receive besides: the problem at hand, ``B T``."""

    fps: float
    initial: HumanMotion
    camera: CameraTrajectory
    observations: Observations
    rest_joints: Float[Tensor, "B 24 3"] | None
    noise: Noise
    body: Body | None = None  # None only while the body itself is built
    evidence: MotionEvidence | None = None


@runtime_checkable
class Dataset(Protocol):
    def accepts(self, path: Path) -> bool:
        """Whether this looks like a file of mine (cheap: name and header only)."""
        ...

    def load(self, path: Path) -> Clip:
        """Read and check; raises BadInput with file and key."""
        ...


@runtime_checkable
class ListsClips(Protocol):
    """A dataset of which one file or folder may hold several clips (segments, sequences)."""

    def clips(self, path: Path) -> Sequence[Path]:
        """What to ``load``, in order, of a file or folder that ``accepts`` took: addresses such as ``file#0:100``.

        Raises BadInput where nothing is left to load.
        """
        ...


@runtime_checkable
class Detector(Protocol):
    def detect(self, clip: Clip) -> Observations: ...


@runtime_checkable
class CameraSource(Protocol):
    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory: ...


@runtime_checkable
class Initializer(Protocol):
    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody: ...


@runtime_checkable
class Body(Protocol):
    """A body model. All methods take motions with leading ``B T`` and give world metres."""

    name: str

    def rest_joints(self, betas: Float[Tensor, "B 10"]) -> Float[Tensor, "B 24 3"]:
        """T-pose joints relative to the pelvis, m."""
        ...

    def joints(self, motion: HumanMotion) -> Float[Tensor, "B T 24 3"]: ...

    def keypoints(self, motion: HumanMotion, layout: str) -> Float[Tensor, "B T J 3"]: ...


@runtime_checkable
class MeshBody(Body, Protocol):
    """A body with a surface."""

    faces: Tensor  # F 3, int64

    def vertices(self, motion: HumanMotion) -> Float[Tensor, "B T V 3"]: ...


@runtime_checkable
class PartialBody(Body, Protocol):
    """A body that lacks some points of some layouts; those get no weight."""

    def served(self, layout: str) -> tuple[bool, ...]: ...


@runtime_checkable
class Representation(Protocol):
    """The variables behind the motion. ``variables`` maps ``pose``, ``orient``, ``trans`` (and others of its
    own) to lists of leaf tensors with leading ``B``; the solver knows them as ``motion.pose`` and so on."""

    def motion(self) -> HumanMotion: ...

    def variables(self) -> Mapping[str, list[Tensor]]: ...

    def shift(self, delta: Float[Tensor, "B T 3"]) -> None:
        """Add ``delta`` to the translation in closed form, without a step of the optimiser (rescaling)."""
        ...


@runtime_checkable
class Energy(Protocol):
    """What a term or a prior is: a function of the scene, one value a clip, differentiable."""

    def __call__(self, scene: Scene, /) -> Float[Tensor, "B"]: ...


@runtime_checkable
class OwnsVariables(Energy, Protocol):
    """An energy with latent variables of its own; the solver knows them as ``prior.<name>`` or ``<term>.<name>``."""

    def variables(self) -> Mapping[str, list[Tensor]]: ...


@runtime_checkable
class TellsWeight(Protocol):
    """An energy that weighs frames by what it makes of them; ``run.json`` and the report show it over time."""

    def __call__(self, scene: Scene) -> Float[Tensor, "B"]: ...

    def weight(self) -> Float[Tensor, "B T"] | None:
        """Mean weight of each frame over the last steps, 1 is full; None where it weighs none."""
        ...


#: One evaluation of a block: the value of each term (``terms B``), then the gradient of every free leaf.
Step = Callable[[], tuple[Tensor, ...]]


@runtime_checkable
class Executor(Protocol):
    def prepare(self, step: Step, capturable: bool) -> Step:
        """Return what the loop calls in place of ``step``.

        All that ``step`` reads is changed in place between calls, except the random streams; what the loop gets may
        be overwritten by its next call.
        """
        ...


@runtime_checkable
class Exporter(Protocol):
    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write atomically into ``folder``; return the files."""
        ...


@dataclass(frozen=True)
class Scored:
    """What a metric sees: predicted and true points of the same joints, world, metres, good frames only.

    Camera-frame joints and vertices are None where the truth does not have them.
    """

    pred: Float[Tensor, "T J 3"]
    true: Float[Tensor, "T J 3"]
    fps: float
    names: tuple[str, ...]  # names of the J points
    pred_vertices: Float[Tensor, "T V 3"] | None = None
    true_vertices: Float[Tensor, "T U 3"] | None = None  # of another body than the predicted ones, maybe


@runtime_checkable
class Metric(Protocol):
    """One named protocol: a value a frame (or one value), in ``unit``."""

    unit: str

    def __call__(self, scored: Scored, /) -> Float[Tensor, "..."]:
        """Per-frame values, or a scalar; the report prints their mean."""
        ...


@dataclass(frozen=True)
class Mesh:
    """A surface to draw: ``vertices`` in world metres; ``colours`` sRGB in [0, 1] at the vertices, light included: a
    renderer adds none. Both sides of a face are seen."""

    vertices: Float[Tensor, "V 3"]
    faces: Int[Tensor, "F 3"]
    colours: Float[Tensor, "V 3"]


@dataclass(frozen=True)
class Shot:
    """One image to draw. ``camera``: a single pinhole without leading dimensions, of an image of ``size`` (width,
    height, px). ``floor``: the ground y = 0 hides what is under it; it is not drawn itself."""

    meshes: tuple[Mesh, ...]
    camera: CameraTrajectory
    size: tuple[int, int]
    floor: bool = False


@runtime_checkable
class Renderer(Protocol):
    """Draws meshes. ``about``: what draws, for people (library, device)."""

    about: str

    def draw(self, shot: Shot) -> UInt8[np.ndarray, "H W 4"]:
        """RGBA; alpha is the share of the pixel that is covered, and colour is not multiplied by it.

        A point is seen where :func:`.data.geometry.project` says, pixel (0, 0) reaching from 0 to 1. What is
        within 5 cm of the camera's plane or behind it is not drawn.
        """
        ...


@runtime_checkable
class Runner(Protocol):
    """Does jobs elsewhere: in processes, on a cluster. Jobs and their values are plain data (``common/jobs.py``)."""

    @property
    def workers(self) -> int:
        """How many jobs are done at once, as far as the runner knows."""
        ...

    def run(self, jobs: Sequence[Job]) -> Iterator[JobEnd]:
        """Yield the end of every job once, as they come. A worker that goes away costs the job it had (``lost``) and
        no other. Leaving the iterator early stops all."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """A solve as it stands: the first clips of its batch as results (status ``running``, nothing scored, no log).

    ``losses``: latest mean of each term over the clips. ``done``, ``total``: steps of the stage.
    """

    results: tuple[Result, ...]
    stage: str
    done: int
    total: int
    losses: Mapping[str, float]


Glance = Snapshot  # its name in earlier versions


@runtime_checkable
class Viewer(Protocol):
    """Shows results to somebody. All methods return at once; what is shown stays until the next call or ``close``.

    ``where``: where to look, for people (an address, the name of a window).
    """

    where: str

    def show(self, results: Sequence[Result]) -> None:
        """Show these, the first one as the reference, instead of whatever was shown.

        Raises DiffOptError for a result that cannot be drawn; what was shown then stays.
        """
        ...

    def update(self, snapshot: Snapshot) -> None:
        """Show a solve that goes on. The first call of a batch is as ``show``; later ones change its motions."""
        ...

    def close(self) -> None:
        """Stop showing; free what is held (a port, threads). Once is enough, twice does no harm."""
        ...
