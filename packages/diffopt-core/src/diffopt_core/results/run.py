"""A run as requested, the recipe that fits a clip, and what is checked before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from ..data.ragged import cheapest
from ..data.window import Evidence
from ..errors import BadInput, DiffOptError
from ..host.choice import FLAGS, PAPER
from ..host.provenance import device as find_device
from ..host.recipe import Recipe, load, parse
from ..host.registry import Registry
from ..interfaces import BuildContext, Exporter
from ..parts.metrics.report import hold_metric
from ..perception.from_file import AutoConfig, for_video
from ..plugin import KINDS
from ..types import CameraFrameBody, CameraTrajectory, Clip


@dataclass(frozen=True)
class Run:
    """A run as requested: files, a resolved recipe, a seed, a device, and where results go (``out/<clip>/``).

    ``out``: None writes nothing. ``choose``: loads a recipe by name if the user named none. Then :func:`fitting`
    chooses the recipe of each clip after perception, because it depends on what is known of camera and body, and
    ``recipe`` is used for perception only.
    """

    inputs: tuple[Path, ...]
    recipe: Recipe
    registry: Registry
    out: Path | None
    seed: int = 0
    device: str = "auto"
    overwrite: bool = False
    batch: int | None = None  # most clips of a solve; None: :func:`most_together`
    only: tuple[str, ...] = field(default=())  # clips to write, if the repeated run was one clip of a batch
    besides: tuple[Exporter, ...] = ()  # exporters of pictures and reports, which are not part of the run's fingerprint
    fresh: bool = False  # ignore the perception cache
    choose: Callable[[str], Recipe] | None = None
    apart: bool = False  # a folder for the result even of a single input

    def folder(self, name: str) -> Path:
        assert self.out is not None
        return self.out if (len(self.inputs) == 1 or self.only) and not self.apart else self.out / name

    def for_clip(self, item: Evidence) -> Run:
        """This run with the recipe of the clip."""
        if self.choose is None:
            return self
        return replace(self, recipe=self.choose(fitting(item.camera, item.body)), choose=None)

    def possible(self) -> Iterator[Recipe]:
        """All recipes that a clip may be solved with; recipes that the user's settings do not fit are skipped."""
        yield self.recipe
        if self.choose is not None:
            for name in FITTING:
                with suppress(DiffOptError):
                    yield self.choose(name)


def most_together(device: torch.device) -> int:
    """Most clips of a batch, if the user does not say: beyond it a CPU gains little, and other workers have nothing."""
    return 8 if device.type == "cpu" else 64


#: What a batch costs on a GPU beside its frames, in frames (H200, recipe ``paper``: 1.4 s and 0.26 ms a frame), and up
#: to how many times its own frames a clip is filled up there.
_BATCH_WORTH, _FILL = 5000, 2.0


def batches(clips: Sequence[Clip], most: int, mixed: bool, device: torch.device) -> list[list[int]]:
    """Positions of the clips that are solved together, at most ``most``. ``mixed``: of different lengths, too.

    On a CPU clips of equal length only: a clip then gets the same bits alone and in any batch, and there is less to
    gain there.
    """
    fill = _FILL if mixed and device.type != "cpu" else 1.0
    return cheapest([clip.num_frames for clip in clips], most, fill, _BATCH_WORTH)


def name_of(path: Path) -> str:
    """Name of an input before it is opened: of the file, or of the clip in it (``shard.npz#clip``)."""
    file, mark, clip = str(path).rpartition("#")
    if mark and file and not path.exists():
        return f"{Path(file).stem}_{clip}" if clip.startswith("shot") else clip
    return path.stem


#: Recipes that are chosen by the evidence, besides the paper's.
FITTING = ("standing-camera", "tracked-camera", "best", "known-camera")


def fitting(camera: CameraTrajectory, body: CameraFrameBody) -> str:
    """Name of the recipe for what is known of a clip; the paper's if too little is known."""
    if camera.held:
        return "standing-camera" if body.poses_from == "landmarks" else "known-camera"
    if not camera.trusted:
        return PAPER
    if camera.travel in ("stands", "turns"):
        return "standing-camera"
    followed = {"landmarks": "tracked-camera", "regressor": "best"}
    return followed.get(body.poses_from, PAPER) if camera.travel == "travels" else PAPER


def titled(name: str, recipe: Recipe, registry: Registry) -> str:
    """A recipe's name, and the components that the user put in place of its own: ``best, with prior none``."""
    own = parse(load(name, registry.recipes), f"recipe '{name}'")
    asked = {flag.removeprefix("--"): getattr(recipe, role).name for flag, role in FLAGS.items()
             if getattr(recipe, role).name != getattr(own, role).name}  # fmt: skip
    return f"{name}, with {', '.join(map(' '.join, asked.items()))}" if asked else name


def context(run: Run) -> BuildContext:
    """Context for building components outside of a bound problem."""
    return run.registry.context(find_device(run.device), run.seed, run.recipe.input.env)


def _fits_one(ctx: BuildContext, kind: str, config: AutoConfig) -> None:
    """Whether the options fit what ``auto`` takes for a video, or for a clip with keypoints."""
    refused: DiffOptError | None = None
    for what in ("video", "keypoints"):
        try:
            ctx.host.config(kind, for_video(ctx, kind, config.asked, what), config.handed_on)
        except DiffOptError as error:
            refused = refused or error
        else:
            return
    if refused is not None:
        raise DiffOptError(f"{refused}; {KINDS[kind].flag} NAME chooses the {kind} whose option it is") from refused


def check_components(run: Run, ctx: BuildContext) -> None:
    """Create every config of the recipe once, so that a misspelt option fails here."""
    registry, recipe = run.registry, run.recipe
    for kind, spec in [
        ("detector", recipe.detector),
        ("camera", recipe.camera),
        ("initializer", recipe.initializer),
        ("body", recipe.body),
        ("representation", recipe.representation),
        ("prior", recipe.prior),
        ("executor", recipe.executor),
        *(("term", spec) for spec in recipe.used_terms().values()),
    ]:
        config = registry.config(kind, spec.name, spec.options)
        if isinstance(config, AutoConfig) and config.handed_on:
            _fits_one(ctx, kind, config)
    for kind, spec in (("detector", recipe.detector), ("camera", recipe.camera), ("initializer", recipe.initializer)):
        if isinstance(
            file := spec.options.get("file"), str | Path
        ):  # a wrong name is told before anything is perceived
            if not Path(file).expanduser().exists():
                raise BadInput(file, f"{KINDS[kind].flag} {spec.name}", "does not exist")
            ctx.build(kind, spec.name, spec.options)
    for name in recipe.metrics:
        registry.component("metric", name)
        hold_metric(name, ctx)
    for spec in recipe.exporters:  # built here too: missing programs fail before the solve
        ctx.build("exporter", spec.name, spec.options)
