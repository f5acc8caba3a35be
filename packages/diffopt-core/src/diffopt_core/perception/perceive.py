"""First step: from input files to evidence. Calls dataset, detector, camera source and initializer, each once."""

from __future__ import annotations

import logging
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from ..common.documents import is_run_file
from ..common.elsewhere import what_is
from ..data.fill import fill_linear, fill_rotations
from ..data.window import Evidence, cut, with_focal
from ..errors import BadInput
from ..host.contract import answers, hold, hold_clip, hold_type, named_file
from ..host.recipe import Recipe, RoleSpec
from ..interfaces import BuildContext, HasState, Host
from ..types import CameraFrameBody, CameraTrajectory, Clip, Observations
from .cache import clip_key, kept, source_digest, step_key
from .finding import known_options
from .plausible import judge
from .stature import by_the_person, metres, with_shape
from .steady import faced, mended
from .video import focal_pixels

if TYPE_CHECKING:
    from ..host.recipe import Recipe
    from ..host.recipe_spec import InputSpec


log = logging.getLogger(__name__)
#: Components that return the file's own part, so there is nothing to cache.
_OWN = frozenset({"auto", "given"})
Part = TypeVar("Part", Observations, CameraTrajectory, CameraFrameBody)


def open_clip(path: Path, recipe: Recipe, ctx: BuildContext) -> Clip:
    """Read a file with the recipe's dataset; ``auto`` takes the first dataset that accepts the file.

    Applies the recipe's ``input``: frames, frame rate, focal length, person.
    """
    if not is_there(path):
        raise BadInput(path, "file", "does not exist")
    choice, asked = recipe.dataset, recipe.input
    if choice.name == "auto":
        for name in ctx.host.components["dataset"]:
            dataset = ctx.build("dataset", name, known_options(ctx.host, name, choice))
            with answers(ctx.host, "dataset", name, path):
                if dataset.accepts(path):
                    break
        else:
            if ours := _ours(path):
                raise BadInput(path, "format", f"is {ours}")
            names = ", ".join(ctx.host.components["dataset"])
            what = _damage(path) or what_is(path) if path.is_file() else None
            it_is = f": it is {what}" if what else ""
            problem = f"no dataset can read this file{it_is} (installed datasets: {names}); name one with --dataset"
            raise BadInput(path, "format", problem)
    else:
        name = choice.name
        dataset = ctx.build("dataset", name, choice.options)
    with answers(ctx.host, "dataset", name, path):
        clip = dataset.load(path)
    hold_type(clip, Clip, ctx.host, "dataset", name)
    hold_clip(clip, ctx.host, name)
    clip = cut(clip, *_span(clip, asked), asked.fps, asked.resample)
    if asked.fps is None and str(said := clip.facts.get("fps_from", "")).startswith("assumed"):
        log.warning("%s: frame rate %s; --fps overrides it", path, said)
    clip = replace(
        clip,
        name=_plain(clip.name),
        person=asked.person,
        facts={**clip.facts, "dataset": name, **({"fps_from": "--fps"} if asked.fps else {})},
    )
    if asked.height is not None:
        metres(asked.height)
    return with_focal(clip, focal_pixels(asked.focal, clip.size), f"--focal {asked.focal}") if asked.focal else clip


def _damage(path: Path) -> str | None:
    if path.stat().st_size == 0:
        return "empty (zero bytes)"
    with open(path, "rb") as file:
        cut = file.read(4) == b"PK\x03\x04" and not zipfile.is_zipfile(path)
    return f"a {path.suffix or 'zip'} file that is cut off or damaged" if cut else None


def _ours(path: Path) -> str | None:
    """What a file of ours is that is no input, and what it is for."""
    if path.suffix.lower() == ".toml" and path.is_file():
        return f"no input: to use a recipe, --recipe {path}"
    if path.suffix.lower() == ".json" and is_run_file(path):
        return f"the run file of a result: `diffopt run {path}`, without other inputs, repeats its run"
    return None


def _span(clip: Clip, asked: InputSpec) -> tuple[int, int | None]:
    """The asked frames, counted from the clip's first; of a shot, the user counts from the video's."""
    if clip.video is None or not clip.video.shot:
        return asked.start, asked.stop
    first, stop = clip.video.first, asked.stop
    inside = stop is not None and stop < first + clip.num_frames
    return max(asked.start - first, 0), max(stop - first, 0) if stop is not None and inside else None


def _plain(name: str) -> str:
    """A clip's name as a safe folder name, so that names in files cannot lead outside of the output folder."""
    plain = "".join("_" if c in "/\\:" or not c.isprintable() else c for c in name)[:120].strip()
    return plain if plain.strip(".") else f"clip{len(name)}"


def is_there(path: Path) -> bool:
    """Whether a file exists; for an address such as ``shard.npz#clip``, whether the shard exists."""
    file, mark, _ = str(path).rpartition("#")
    return path.exists() or bool(mark and Path(file).exists())


def perceive(
    clip: Clip,
    recipe: Recipe,
    ctx: BuildContext,
    fresh: bool = False,
    choose: Callable[[Evidence], Recipe] | None = None,
) -> Evidence:
    """Keypoints, camera and camera-frame body of a clip; the evidence's clip holds them too.

    Results from images are cached on disk (:mod:`.cache`); ``fresh`` recomputes them. ``choose``: returns the
    recipe that fits the evidence; its initializer is run instead, if it differs, and it says how the shape is found.
    """
    cache = None if clip.video is None else clip_key(clip)
    code = "" if clip.video is None else source_digest(_packages(ctx.host))

    def step(cls: type[Part], kind: str, role: RoleSpec, own: Part | None, make: Callable[[Any], Part]) -> Part:
        nonlocal cache
        component, file = ctx.build(kind, role.name, role.options), named_file(role.options)

        def called() -> Part:
            with answers(ctx.host, kind, role.name, file):
                made = make(component)
            hold_type(made, cls, ctx.host, kind, role.name)
            return made

        if cache is None or (own is not None and role.name in _OWN):
            part = called()
        else:
            options = ctx.host.config(kind, role.name, role.options).model_dump()
            state = f" {component.state()}" if isinstance(component, HasState) else ""
            cache = step_key(cache, f"{kind} {role.name}{state}", code, options)
            part = kept(cls, cache, lambda: _timed(called), fresh)
        hold(part, clip.num_frames, ctx.host, kind, role.name, file)
        return replace(part, facts={"component": role.name, **part.facts})

    observations = step(
        Observations, "detector", recipe.detector, clip.observations, lambda detector: detector.detect(clip)
    )
    if (missing := _missing(clip)) is not None:
        seen = observations.keypoints * ~missing[:, None, None]
        observations = replace(observations, keypoints=seen, valid=observations.valid & ~missing)
    if not bool(observations.valid.any()):
        raise BadInput(clip.path or clip.name, "valid", "the person was not found in any frame")
    whole = clip.num_frames
    clip, observations = _trimmed(clip, observations, recipe.input.unseen == "trim")
    if cache is not None and clip.num_frames < whole:
        cache = step_key(cache, "trim", code, {"frames": clip.num_frames})
    missing = _missing(clip)
    rest = clip.rest_joints if clip.rest_joints is not None else _mean_skeleton(ctx)
    clip, observations = mended(clip, observations, rest)
    camera = step(
        CameraTrajectory, "camera", recipe.camera, clip.camera, lambda source: source.trajectory(clip, observations)
    )
    if missing is not None:
        camera = _between(camera, missing)

    def with_body(role: RoleSpec, clip: Clip = clip) -> Evidence:
        body = step(
            CameraFrameBody, "initializer", role, clip.body, lambda made: made.initialize(clip, observations, camera)
        )
        own = clip.body is not None and body.global_orient is clip.body.global_orient
        if body.poses_from != "landmarks" and not own:  # those are fitted over time, and the clip's own faced already
            body = faced(body, rest, clip)
        whole = replace(clip, observations=observations, camera=camera, body=body)
        return judge(Evidence(whole, observations, camera, body), rest)

    found = with_body(recipe.initializer)
    chosen = recipe if choose is None else choose(found)
    if chosen.initializer != recipe.initializer:
        # other first poses are made of the file's own: what is doubtful of these stays so
        found = with_body(chosen.initializer, replace(clip, doubts=found.clip.doubts))
    return _with_shape(found, chosen, ctx)


def _with_shape(found: Evidence, recipe: Recipe, ctx: BuildContext) -> Evidence:
    """The evidence with the shape of the person, if the recipe asks for it and no skeleton is given."""
    if found.clip.rest_joints is not None or (recipe.input.height is None and recipe.input.size == "mean"):
        return found
    choice, local = recipe.body, replace(ctx, device=torch.device("cpu"))
    own = local.build("body", "anny24") if choice.name == "auto" else local.build("body", choice.name, choice.options)
    body = with_shape(found.body, found.clip, recipe.input, own, local)
    camera = found.camera if recipe.input.height is None else by_the_person(found.camera, body, own)
    return replace(found, body=body, camera=camera, clip=replace(found.clip, body=body, camera=camera))


def _mean_skeleton(ctx: BuildContext) -> Tensor:
    """Rest joints ``[24 3]`` of the embedded body, on the CPU like all evidence."""
    return ctx.build("body", "anny24").rest_joints(torch.zeros(1, 10, device=ctx.device))[0].float().cpu()


def _timed(make: Callable[[], Part]) -> Part:
    """Call a component and store its run time (s) in the facts."""
    began = time.perf_counter()
    part = make()
    return replace(part, facts={**part.facts, "seconds": round(time.perf_counter() - began, 2)})


def _packages(host: Host) -> tuple[str, ...]:
    """Import packages of all perception components, because ``auto`` may call components of other packages."""
    rows = [row for kind in ("detector", "camera", "initializer") for row in host.components[kind].values()]
    return tuple(sorted({row.package for row in rows}))


def _missing(clip: Clip) -> Tensor | None:
    """Mask of frames without an image of their own (a gap in a folder, a frame that was shown longer); None if all have
    one."""
    if clip.video is None:
        return None
    frames = torch.tensor(clip.video.frames)
    mask = torch.isin(frames, torch.tensor(clip.video.missing or (-1,)))
    mask[1:] |= frames[1:] == frames[:-1]
    return mask if bool(mask.any()) else None


def _between(camera: CameraTrajectory, missing: Tensor) -> CameraTrajectory:
    """The camera between the frames with an image: the others show the frame before once more."""
    filled = missing if camera.filled is None else camera.filled | missing
    if bool(missing.all()):
        return replace(camera, filled=filled)
    R, place = fill_rotations(camera.R, ~missing), fill_linear(camera.position, ~missing)
    return replace(camera, R=R, t=-(R @ place.unsqueeze(-1)).squeeze(-1), filled=filled)


def _trimmed(clip: Clip, observations: Observations, trim: bool) -> tuple[Clip, Observations]:
    """Leave out the frames before the person appears and after the person left; or only tell of them, and of frames in
    between without the person. What is told is of videos: in files of evidence the user has put it."""
    seen = observations.valid.nonzero().flatten().tolist()
    first, last = seen[0], seen[-1]
    outside = " and ".join(_frames(a, b) for a, b in ((0, first - 1), (last + 1, clip.num_frames - 1)) if b >= a)
    if outside and trim:
        log.warning("%s: %s are left out: the person is not there (input.unseen=trim)", clip.name, outside)
        part = cut(replace(clip, observations=observations), first, last + 1, None)
        assert part.observations is not None
        observations = part.observations
        clip = part if clip.observations is not None else replace(part, observations=None)
    elif outside and clip.video is not None:
        log.warning(
            "%s: the person is not there in %s: what is given of these is invented, and marked as not valid "
            "(--set input.unseen=trim leaves them out)", clip.name, outside,
        )  # fmt: skip
    missing = last + 1 - first - len(seen)
    if missing and clip.video is not None:
        log.warning(
            "%s: the person is not detected in %d of %d frames; these are interpolated",
            clip.name,
            missing,
            clip.num_frames,
        )
    return clip, observations


def _frames(first: int, last: int) -> str:
    return f"frames {first} to {last}" if last > first else f"frame {first}"
