"""Simulated cases: dataset ``simulated``, and folders of cases with truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....common.documents import write_json
from ....errors import BadInput, DiffOptError
from ....interfaces import Body, BuildContext
from ....types import Clip
from ..case_file import clip_of, with_truth, write_case
from ..configs import AmassConfig, SimulatedConfig, SimulatorSettings
from ..motion_file import clip_names, load_motion, split_address, window


class SimulatedDataset:
    """Implements :class:`diffopt_core.interfaces.Dataset`."""

    def __init__(self, config: SimulatedConfig, ctx: BuildContext):
        self._config, self._seed = config, ctx.seed if config.seed is None else config.seed

    def accepts(self, path: Path) -> bool:
        """Always False: ``auto`` must open a motion file as the motion itself."""
        return False

    def load(self, path: Path) -> Clip:
        from .simulate import simulate  # imports scipy.signal, which is not needed to identify a file

        config = self._config
        motion = load_motion(path, config.motion)
        motion = window(motion, config.start, config.frames)
        body = None
        if motion.rest_joints is None:
            from ...bodies.anny24 import load

            body = load()
        case, truth = simulate(motion, config.settings, self._seed, body)
        return with_truth(clip_of(case, motion.name, path), truth, path)


def simulate_folder(
    motion_source: Path | Sequence[Path | str],
    out: Path,
    count: int,
    seed: int = 0,
    frames: int = 100,
    static: int = 0,
    motion: AmassConfig | None = None,
    settings: SimulatorSettings | None = None,
) -> list[dict[str, Any]]:
    """Write ``case_XX.npz``, ``truth/case_XX.npz`` and ``index.json`` into ``out``; return the index.

    ``motion_source``: a motion file, a folder of them (searched below), or a list of addresses (``shard.npz#clip``).
    Clips of at least ``frames`` frames are drawn without replacement, repeatedly if needed, with a random first frame.
    The last ``static`` cases have a static camera. Body: the clip's own skeleton, else the embedded mesh. ``motion``:
    options for reading the files. ``settings``: the simulator's. Raises BadInput for a source without usable motion.
    """
    from .simulate import simulate

    settings, reader = settings or SimulatorSettings(), motion or AmassConfig()
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    index: list[dict[str, Any]] = []
    chosen = _choose(motion_source, count, frames, reader, rng)
    for number, clip in enumerate(chosen):
        start = int(rng.integers(0, clip.num_frames - frames + 1))
        piece = window(clip, start, frames)
        still = number >= count - static
        used = settings.model_copy(update={"camera": settings.camera.model_copy(update={"static": still})})
        name = f"case_{number:02d}"
        case_seed = int(np.random.SeedSequence([seed, 2, number]).generate_state(1)[0])
        case, truth = simulate(piece, used, case_seed, _body(piece))
        write_case(out / f"{name}.npz", case, truth)
        speed = np.linalg.norm(np.diff(truth["transl"][:, [0, 2]], axis=0), axis=-1).mean() * piece.fps
        index.append(
            {
                "case": name,
                "shard": clip.path.stem if clip.path else "",
                "clip": clip.name.removeprefix(f"{clip.path.stem}_") if clip.path else clip.name,
                "start": start,
                "frames": frames,
                "speed_mps": round(float(speed), 2),
                "static_camera": still,
                "slam_scale": round(float(truth["slam_scale"]), 2),
                "seed": case_seed,
            }
        )
    write_json(out / "index.json", index)
    return index


def _choose(
    source: Path | Sequence[Path | str], count: int, frames: int, reader: AmassConfig, rng: np.random.Generator
) -> list[Clip]:
    """``count`` clips at the reader's rate with at least ``frames`` frames."""
    if count < 1 or frames < 3:
        raise DiffOptError(f"cannot simulate {count} cases of {frames} frames; expected at least 1 case and 3 frames")
    if isinstance(source, Path):
        addresses = _addresses(source)
        rng.shuffle(addresses)
        where: object = source
    else:  # a list is used in its order
        addresses = [str(address) for address in source]
        where = "the list of motions"
    found: list[Clip] = []
    for address in addresses:
        if len(found) == count:
            break
        clip = load_motion(Path(address), reader)
        if clip.num_frames >= frames:
            found.append(clip)
    if not found:
        raise BadInput(where, "motion", f"has no clip of at least {frames} frames")
    return [found[i % len(found)] for i in range(count)]


def _addresses(source: Path) -> list[str]:
    if source.is_dir():
        return [address for file in sorted(source.rglob("*.npz")) for address in clip_names(file)]
    file, clip = split_address(source)
    return [str(source)] if clip else list(clip_names(file))


def _body(clip: Clip) -> Body | None:
    if clip.rest_joints is not None:
        return None
    from ...bodies.anny24 import load

    return load()
