"""How fast pictures come, and what a long clip costs in memory.

    python benchmarks/render.py [RESULT] [--frames 60] [--size 640x480] [--renderers gl,embree] [--long 3000]

RESULT: a result folder (default: the demonstration's true motion, without a video). For each renderer that can be built
here and each view: frames per second by the clock and for one second of CPU time, of everything from the motion to the
encoded MP4 (the second says what the machine can do when others leave it alone); and the drawing alone, by the clock.
Status 1 where `overlay` or `world` comes below 5 frames per second of CPU time.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

from exports import given

FLOOR = 5.0  # frames per second at 640 x 480


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("result", nargs="?", type=Path)
    ask.add_argument("--frames", type=int, default=60)
    ask.add_argument("--size", default="640x480")
    ask.add_argument("--renderers", default="gl,embree,pytorch3d")
    ask.add_argument("--views", default="overlay,world,side,figure")
    ask.add_argument("--long", type=int, default=0, help="frames of a clip of which the memory is told; 0: none")
    asked = ask.parse_args()

    import torch
    from diffopt_core.errors import MissingResource
    from diffopt_core.host.registry import Registry

    registry = Registry.load()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ctx = registry.context(device)
    versions()
    result, slow = given(asked.result, asked.frames), False
    size = tuple(int(side) for side in asked.size.split("x"))
    for name in asked.renderers.split(","):
        try:
            renderer = ctx.build("renderer", name)
        except MissingResource as error:
            print(f"\n{name}: not here: {str(error)[:90]} …")
            continue
        print(f"\n{name}: {renderer.about}")
        print(f"{'view':<10}{'frames':>7}{'fps, clock':>12}{'fps, CPU':>10}{'drawing, ms':>13}")
        for view in asked.views.split(","):
            slow |= timed(result, renderer, view, size) and view in ("overlay", "world") and name != "pytorch3d"
        if asked.long:
            long_clip(renderer, asked.long, size)
    return int(slow)


def versions() -> None:
    from importlib.metadata import version

    import torch

    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    parts = [f"{name} {version(name)}" for name in ("diffopt-render", "torch", "numpy", "av", "pillow")]
    print(f"Python {platform.python_version()}, {', '.join(parts)}; {cores} cores, torch on {torch.get_num_threads()}")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


def timed(result, renderer, view: str, size: tuple[int, int]) -> bool:
    """Whether it is too slow."""
    clock, cpu, drawing, frames = film(result, renderer, view, size)
    rate = frames / cpu
    print(f"{view:<10}{frames:>7}{frames / clock:>12.1f}{rate:>10.1f}{1e3 * drawing / frames:>13.1f}")
    return rate < FLOOR


def film(result, renderer, view: str, size: tuple[int, int]) -> tuple[float, float, float, int]:
    """Seconds by the clock, of CPU time, and of the drawing; and how many frames."""
    from diffopt_render.files import write_mp4
    from diffopt_render.film import eyes_of, show
    from diffopt_render.take import take_of

    watched = Watched(renderer)
    take = take_of(result)
    frames = range(take.num_frames)
    made = show(take, view, watched, size, "", eyes_of([take], [frames])[0])
    clock, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory(prefix="render-") as scratch:
        write_mp4(made.panel().images(frames), Path(scratch) / "x.mp4", take.fps, 18)
    return time.perf_counter() - clock, time.process_time() - cpu, watched.seconds, len(frames)


class Watched:
    """A renderer with a watch."""

    def __init__(self, renderer):
        self._renderer, self.about, self.seconds = renderer, renderer.about, 0.0

    def draw(self, shot):
        begun = time.perf_counter()
        image = self._renderer.draw(shot)
        self.seconds += time.perf_counter() - begun
        return image


def long_clip(renderer, frames: int, size: tuple[int, int]) -> None:
    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3

    result = demonstration(frames)
    before = peak()
    clock, *_ = film(result, renderer, "world", size)
    print(f"world, {frames} frames: {clock:.0f} s, {peak() - before:.0f} MB more than before (peak {peak():.0f} MB)")


if __name__ == "__main__":
    sys.exit(main())
