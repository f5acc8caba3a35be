"""The protocols, at most three methods each, and the context that ``build`` receives. All in one file, although it is
long: plugin authors find every kind, and the context, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol, overload, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from .common.jobs import Job, JobEnd
from .config import ComponentConfig
from .data.ragged import inside
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
    """The registry as components see it: a :class:`diffopt_core.host.registry.Registry`."""

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
        """Build another component with this context, so that parts of a component see the same problem.

        Options by keyword, ``ctx.build("body", "smpl", gender="female")``, or as a mapping.
        """
        return self.host.build(kind, name, {**options, **more}, self)


@dataclass(frozen=True)
class ProblemContext(BuildContext):
    """Context of bodies, representations, terms, priors and executors: also holds the problem to solve, ``B T``.

    ``lengths``: frames of each clip if they differ; those beyond a clip's end repeat its last one and are not valid in
    ``observations``. None: every clip has ``T``.
    """

    fps: float
    initial: HumanMotion
    camera: CameraTrajectory
    observations: Observations
    rest_joints: Float[Tensor, "B 24 3"] | None
    noise: Noise
    body: Body | None = None  # None only while the body itself is built
    evidence: MotionEvidence | None = None
    lengths: tuple[int, ...] | None = None

    @cached_property
    def own(self) -> Bool[Tensor, "B T"] | None:
        """Mask of each clip's own frames; None: all are."""
        return None if self.lengths is None else inside(self.lengths, self.initial.trans.shape[1], self.device)


@runtime_checkable
class Dataset(Protocol):
    def accepts(self, path: Path) -> bool:
        """Whether this dataset can read the path (cheap: looks at name and header only)."""
        ...

    def load(self, path: Path) -> Clip:
        """Read and check; raises BadInput with file and key."""
        ...


@runtime_checkable
class ListsClips(Protocol):
    """A dataset of which one file or folder may hold several clips (segments, sequences)."""

    def clips(self, path: Path) -> Sequence[Path]:
        """Paths to ``load``, in order, for a file or folder that ``accepts`` accepted; addresses such as
        ``file#0:100``.

        Raises BadInput if there is nothing to load.
        """
        ...


@runtime_checkable
class ListsShots(Protocol):
    """A dataset whose clips may hold cuts. It also loads one shot: ``video.mp4#shot2`` (from 1)."""

    def shots(self, path: Path) -> Sequence[tuple[int, int]]:
        """First frame, and the frame after the last, of every shot of what ``accepts`` accepted; together all
        frames."""
        ...


@runtime_checkable
class Detector(Protocol):
    def detect(self, clip: Clip) -> Observations: ...


@runtime_checkable
class HasState(Protocol):
    """A component whose result depends on more than its input, its options and its code."""

    def state(self) -> str:
        """What else it depends on, such as which model is installed; part of the key under which results are kept."""
        ...


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
    """A body that lacks some keypoints of some layouts; these get weight 0."""

    def served(self, layout: str) -> tuple[bool, ...]: ...


@runtime_checkable
class OncePosedBody(Body, Protocol):
    """A body that gives joints and keypoints from one forward kinematics."""

    def joints_and_keypoints(
        self, motion: HumanMotion, layout: str
    ) -> tuple[Float[Tensor, "B T 24 3"], Float[Tensor, "B T J 3"]]: ...


@runtime_checkable
class Representation(Protocol):
    """The variables behind the motion. ``variables`` maps ``pose``, ``orient``, ``trans`` (and others of its
    own) to lists of leaf tensors with leading ``B``; the solver knows them as ``motion.pose`` and so on."""

    def motion(self) -> HumanMotion: ...

    def variables(self) -> Mapping[str, list[Tensor]]: ...

    def shift(self, delta: Float[Tensor, "B T 3"]) -> None:
        """Add ``delta`` (m) to the translation in closed form, without an optimiser step (used when the scale
        changes)."""
        ...


@runtime_checkable
class Energy(Protocol):
    """A term or a prior: a differentiable function of the scene, one value per clip."""

    def __call__(self, scene: Scene, /) -> Float[Tensor, "B"]: ...


@runtime_checkable
class OwnsVariables(Energy, Protocol):
    """An energy with latent variables of its own; the solver knows them as ``prior.<name>`` or ``<term>.<name>``."""

    def variables(self) -> Mapping[str, list[Tensor]]: ...


@runtime_checkable
class TellsWeight(Protocol):
    """An energy that weighs frames by their residual; ``run.json`` and the report show this weight over time."""

    def __call__(self, scene: Scene) -> Float[Tensor, "B"]: ...

    def weight(self) -> Float[Tensor, "B T"] | None:
        """Mean weight of each frame over the last steps, 1 is full weight; None if it does not weigh frames."""
        ...


#: One evaluation of a block: the value of each term (``terms B``), then the gradient of every free leaf.
Step = Callable[[], tuple[Tensor, ...]]


@runtime_checkable
class Executor(Protocol):
    def prepare(self, step: Step, capturable: bool) -> Step:
        """Return what the loop calls in place of ``step``.

        Everything that ``step`` reads is changed in place between calls, except the random streams. The returned
        tensors may be overwritten by the next call.
        """
        ...


@runtime_checkable
class Exporter(Protocol):
    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write atomically into ``folder``; return the files."""
        ...


@dataclass(frozen=True)
class Scored:
    """Input of a metric: predicted and true positions of the same joints, world, metres, good frames only.

    Camera-frame joints and vertices are None if the truth does not have them.
    """

    pred: Float[Tensor, "T J 3"]
    true: Float[Tensor, "T J 3"]
    fps: float
    names: tuple[str, ...]  # names of the J points
    pred_vertices: Float[Tensor, "T V 3"] | None = None
    true_vertices: Float[Tensor, "T U 3"] | None = None  # possibly of another body than the predicted ones


@runtime_checkable
class Metric(Protocol):
    """One named protocol: a value per frame (or one value), in ``unit``."""

    unit: str

    def __call__(self, scored: Scored, /) -> Float[Tensor, "..."]:
        """Per-frame values, or a scalar; the report prints their mean."""
        ...


@dataclass(frozen=True)
class Mesh:
    """A surface to draw: ``vertices`` in world metres; ``colours`` sRGB in [0, 1] per vertex with shading included, so
    a renderer adds no light. Both sides of a face are visible."""

    vertices: Float[Tensor, "V 3"]
    faces: Int[Tensor, "F 3"]
    colours: Float[Tensor, "V 3"]


@dataclass(frozen=True)
class Shot:
    """One image to draw. ``camera``: a single pinhole without leading dimensions, of an image of ``size`` (width,
    height, px). ``floor``: the ground plane y = 0 occludes what is below it; it is not drawn itself."""

    meshes: tuple[Mesh, ...]
    camera: CameraTrajectory
    size: tuple[int, int]
    floor: bool = False


@runtime_checkable
class Renderer(Protocol):
    """Draws meshes. ``about``: the library and device that draw, as text for the user."""

    about: str

    def draw(self, shot: Shot) -> UInt8[np.ndarray, "H W 4"]:
        """RGBA; alpha is the share of the pixel that is covered, and colour is not multiplied by it.

        A point appears where :func:`.data.geometry.project` puts it; pixel (0, 0) reaches from 0 to 1. Points within 5
        cm of the camera's plane or behind it are not drawn.
        """
        ...


@runtime_checkable
class Runner(Protocol):
    """Runs jobs in other processes or on a cluster. Jobs and their return values are plain data
    (``common/jobs.py``)."""

    @property
    def workers(self) -> int:
        """How many jobs run at once, as far as the runner knows."""
        ...

    def run(self, jobs: Sequence[Job]) -> Iterator[JobEnd]:
        """Yield the outcome of every job once, in order of completion. If a worker dies, its current job is
        repeated once, with a warning; a second time it is ``lost``. Closing the iterator early stops all jobs.

        Stages of a job (``Job.calls``) may run in different processes, one after the other."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """The current state of a solve: the first clips of its batch as results (status ``running``, no scores, no log).

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
    """Shows results to the user. All methods return at once; what is shown stays until the next call or ``close``.

    ``where``: where to look (an address, the title of a window), as text for the user.
    """

    where: str

    def show(self, results: Sequence[Result]) -> None:
        """Show these results, the first one as the reference, and drop what was shown before.

        Raises DiffOptError for a result that cannot be drawn; what was shown before then stays.
        """
        ...

    def update(self, snapshot: Snapshot) -> None:
        """Show a solve in progress. The first call for a batch works like ``show``; later calls update the motions."""
        ...

    def close(self) -> None:
        """Stop showing and release resources (a port, threads). May be called more than once."""
        ...
