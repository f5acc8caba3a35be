"""First step: from input files to evidence. Calls dataset, detector, camera source and initializer, each once."""

from __future__ import annotations

import logging
import os
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from ..common.elsewhere import what_is
from ..data.fill import fill_linear, fill_rotations
from ..data.window import Evidence, cut, with_focal
from ..errors import BadInput, DiffOptError
from ..host.contract import answers, hold, hold_clip, hold_type, named_file
from ..host.recipe import Recipe, RoleSpec
from ..interfaces import BuildContext, HasState, Host
from ..types import CameraFrameBody, CameraTrajectory, Clip, Observations
from .cache import clip_key, kept, source_digest, step_key
from .plausible import judge
from .stature import metres, with_shape
from .steady import faced, mended
from .video import focal_pixels
from .video.shots import SHORTEST

if TYPE_CHECKING:
    from ..host.recipe import Recipe
    from ..host.recipe_spec import InputSpec
    from ..host.registry import Registry


RUN_FILE = "run.json"


def expand(inputs: Sequence[Path], registry: Registry, recipe: Recipe, shots: bool = True) -> tuple[Path, ...]:
    """Paths of all clips in files and folders. A path that a dataset reads is one clip, or the clips that the dataset
    lists; other folders are searched. ``shots``: videos are decoded to find their shots."""
    datasets = _datasets(registry, recipe)
    paths: list[Path] = []
    asked = recipe.input if shots else None
    for path in inputs:
        found = _listed(path, registry, datasets, asked)
        paths += found or (_search(path, registry, datasets, asked) if path.is_dir() else [path])
    return tuple(paths)


def _listed(path: Path, registry: Registry, datasets: Mapping[str, Any], asked: InputSpec | None) -> list[Path]:
    """The clips of a file or folder by the first dataset that accepts it; empty if none does. ``asked``: None keeps
    videos whole."""
    from ..interfaces import ListsClips, ListsShots

    _, mark, named = str(path).rpartition("#shot")
    if mark and asked is not None and asked.shot is not None and named != str(asked.shot):
        raise BadInput(path, "shot", f"--shot {asked.shot} contradicts the address")
    for name, dataset in datasets.items():
        with answers(registry, "dataset", name, path):
            if not dataset.accepts(path):
                continue
            if asked is None and isinstance(dataset, ListsShots):
                return [path]
            if asked is not None and isinstance(dataset, ListsShots) and path.exists():
                try:
                    found = dataset.shots(path)
                except BadInput as error:
                    log.debug("%s", error)
                    return [path]  # opening it says so, and costs this input alone
                return _shots(path, found, asked)
            if asked is not None and asked.shot is not None and path.exists():
                raise DiffOptError(f"{path}: --shot is of videos; dataset '{name}' has no shots")
            return list(dataset.clips(path)) if isinstance(dataset, ListsClips) else [path]
    return []


def _shots(path: Path, found: Sequence[tuple[int, int]], asked: InputSpec) -> list[Path]:
    """Addresses of the shots that were asked for; those of a few frames are left out, with a warning."""
    if asked.shot is not None and asked.shot > len(found):
        raise BadInput(path, "shot", f"{asked.shot} is asked for; the video has {len(found)}")
    if len(found) == 1:
        return [path]
    stop = found[-1][1] if asked.stop is None else asked.stop
    spans = {number: (max(a, asked.start), min(b, stop)) for number, (a, b) in enumerate(found, 1)}
    wanted = {n: span for n, span in spans.items() if span[0] < span[1] and asked.shot in (None, n)}
    kept = {number: span for number, span in wanted.items() if span[1] - span[0] >= SHORTEST}
    some = "; ".join(f"{number}: frames {a}:{b}" for number, (a, b) in [*spans.items()][:8] if a < b)
    left = f"; those of fewer than {SHORTEST} frames are left out" if len(kept) < len(wanted) else ""
    if not kept:
        raise BadInput(path, "shot", f"no shot with {SHORTEST} frames is left ({some or 'none in --frames'})")
    if asked.shot is None:
        more = ", ..." if len(found) > 8 else ""
        ways = f"; each is solved by itself (--shot N takes one){left}" if len(kept) > 1 else left
        log.warning("%s: the video has %d shots (%s%s)%s", path, len(found), some, more, ways)
    return [Path(f"{path}#shot{number}") for number in kept]


#: Files of a folder that are looked into before their names are enough.
_SNIFFED = 1000


def _visible(folder: Path) -> list[Path]:
    """Its files, except hidden ones."""
    with os.scandir(folder) as entries:
        return sorted(Path(each.path) for each in entries if each.is_file() and not each.name.startswith("."))


def _search(folder: Path, registry: Registry, datasets: Mapping[str, Any], asked: InputSpec | None) -> list[Path]:
    """Clips of the files that a dataset reads; a file of the same kind that none accepts (a truncated one) is listed
    too, so that opening it tells why."""
    own: dict[Path, list[Path]] = {}
    kinds: set[str] = set()
    for number, path in enumerate(_visible(folder)):
        kind = path.suffix.lower()
        # Of very many files, one that is read stands for those of its kind.
        own[path] = [path] if number >= _SNIFFED and kind in kinds else _listed(path, registry, datasets, asked)
        kinds |= {kind} if own[path] else set()
    found = [clip for path, clips in own.items() for clip in clips or [path] * (path.suffix.lower() in kinds)]
    if (folder / RUN_FILE).is_file():
        raise BadInput(
            folder,
            RUN_FILE,
            f"the folder is a result, not an input; to repeat its run: diffopt run {folder / RUN_FILE}",
        )
    if not found:
        names = ", ".join(registry.components["dataset"])
        raise BadInput(folder, "folder", f"holds no file that a dataset can read (installed datasets: {names})")
    return found


def _datasets(registry: Registry, recipe: Recipe) -> dict[str, Any]:
    """By name: the recipe's dataset; for ``auto`` all datasets, each with the options that it knows."""
    ctx = registry.context()
    choice = recipe.dataset
    if choice.name != "auto":
        return {choice.name: ctx.build("dataset", choice.name, choice.options)}
    return {
        name: ctx.build("dataset", name, known_options(registry, name, choice))
        for name in registry.components["dataset"]
    }


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
        if clip.rest_joints is not None:
            log.warning("%s: --height %s is not used: the file has the person's skeleton", path, asked.height)
    return with_focal(clip, focal_pixels(asked.focal, clip.size), f"--focal {asked.focal}") if asked.focal else clip


def _damage(path: Path) -> str | None:
    if path.stat().st_size == 0:
        return "empty (zero bytes)"
    with open(path, "rb") as file:
        cut = file.read(4) == b"PK\x03\x04" and not zipfile.is_zipfile(path)
    return f"a {path.suffix or 'zip'} file that is cut off or damaged" if cut else None


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


def known_options(host: Host, name: str, choice: RoleSpec) -> dict:
    """For ``auto``: the options of ``choice`` that dataset ``name`` has."""
    fields = host.config_class("dataset", name).model_fields
    return {key: value for key, value in choice.options.items() if key in fields}


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
        if body.poses_from != "landmarks":  # these are fitted over time
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
    return replace(found, body=body, clip=replace(found.clip, body=body))


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
