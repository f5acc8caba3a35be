"""Which clips are in the files and folders that a user names, and which shots of the videos among them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, DiffOptError
from ..host.contract import answers
from ..host.recipe import Recipe, RoleSpec
from ..interfaces import Host
from .video.shots import SHORTEST

if TYPE_CHECKING:
    from ..host.recipe_spec import InputSpec
    from ..host.registry import Registry

log = logging.getLogger(__name__)
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
    """Its files, except hidden ones; with links to nowhere, which opening tells of."""

    def counts(path: str) -> bool:
        return os.path.isfile(path) or (os.path.islink(path) and not os.path.exists(path))

    with os.scandir(folder) as entries:
        return sorted(Path(each.path) for each in entries if not each.name.startswith(".") and counts(each.path))


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


def known_options(host: Host, name: str, choice: RoleSpec) -> dict:
    """For ``auto``: the options of ``choice`` that dataset ``name`` has. Datasets share names of options; a value that
    fits another one only is meant for that one."""

    def fits(dataset: str, key: str, value: Any) -> bool:
        with suppress(DiffOptError):
            return bool(host.config("dataset", dataset, {key: value}))
        return False

    fields, others = host.config_class("dataset", name).model_fields, set(host.components["dataset"]) - {name}
    return {
        key: value for key, value in choice.options.items()
        if key in fields and (fits(name, key, value) or not any(fits(other, key, value) for other in others))
    }  # fmt: skip
