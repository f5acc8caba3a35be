"""What one evaluation of a prior costs beside the prior's own forward pass. Compare the ratio: machines are noisy.

    uv run python benchmarks/prior_cost.py [--prior mdm] [--set prior.noise_samples=2] [--clips 8] [--frames 100]

One evaluation is the whole term: body to features, resampling, normalisation, windows, the network, the residual,
and the backward pass to the body's pose and path. The forward pass is the prior's networks alone, on the inputs that
the evaluation gave them. Both are timed in turn, so that a busy neighbour slows both; medians and the median of the
ratios are printed. `--prior` may be repeated; without it, every installed prior that can be built is timed, and the
others are named with the reason.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import torch
from diffopt_core.data.noise import StreamNoise
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.errors import DiffOptError
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.interfaces import ProblemContext
from diffopt_core.parts.demo_motion.walk import walk
from diffopt_core.types import CameraTrajectory, HumanMotion, Observations, Scene
from diffopt_priors.mdm.term import MDMPrior
from torch import Tensor, nn

#: A T-pose, m: child minus parent. Its proportions do not matter here.
OFFSETS = (
    (0, 0, 0), (0.08, -0.09, 0), (-0.08, -0.09, 0), (0, 0.11, 0), (0.02, -0.39, 0), (-0.02, -0.39, 0), (0, 0.13, 0),
    (0, -0.41, 0), (0, -0.41, 0), (0, 0.06, 0), (0.02, -0.06, 0.13), (-0.02, -0.06, 0.13), (0, 0.21, 0),
    (0.08, 0.12, 0), (-0.08, 0.12, 0), (0, 0.08, 0.05), (0.1, 0.03, 0), (-0.1, 0.03, 0), (0.26, 0, 0), (-0.26, 0, 0),
    (0.25, 0, 0), (-0.25, 0, 0), (0.08, 0, 0), (-0.08, 0, 0),
)  # fmt: skip


def rest_joints() -> Tensor:
    """``[24 3]``, m, about the pelvis."""
    joints = [torch.zeros(3)]
    for joint in range(1, 24):
        joints.append(joints[PARENTS[joint]] + torch.tensor(OFFSETS[joint], dtype=torch.float32))
    return torch.stack(joints)


def problem(clips: int, frames: int, fps: float, device: torch.device) -> tuple[ProblemContext, Scene]:
    """The same walk ``clips`` times, with leaves that take gradients."""
    rest = rest_joints()
    motion = walk(rest.double().numpy(), frames, fps)
    pose = motion.pose.float().expand(clips, -1, -1, -1, -1).clone().to(device).requires_grad_()
    trans = motion.trans.float().expand(clips, -1, -1).clone().to(device).requires_grad_()
    betas = torch.zeros(clips, 10, device=device)
    ones = torch.ones(clips, frames, 2, device=device)
    eye = torch.eye(3, device=device).expand(clips, frames, 3, 3)
    camera = CameraTrajectory(eye, torch.zeros(clips, frames, 3, device=device), 1000 * ones, 500 * ones)
    seen = torch.ones(clips, frames, 24, 3, device=device)
    held = HumanMotion(pose.detach(), trans.detach(), betas)
    ctx = ProblemContext(
        device=device,
        seed=0,
        host=Registry(),
        fps=fps,
        initial=held,
        camera=camera,
        observations=Observations(seen, "smpl24", ones[..., 0] > 0),
        rest_joints=rest.expand(clips, 24, 3).to(device),
        noise=StreamNoise(range(clips), device),
    )
    scene = Scene(
        HumanMotion(pose, trans, betas), camera, torch.tensor(0.5, device=device), {}, joints=trans[:, :, None]
    )
    return ctx, scene


def networks(value: object, seen: set[int] | None = None) -> list[nn.Module]:
    """The outermost modules that an energy holds, however deep in plain objects."""
    seen = set() if seen is None else seen
    if isinstance(value, nn.Module):
        return [value]
    if id(value) in seen or not hasattr(value, "__dict__"):
        return []
    seen.add(id(value))
    return [found for held in vars(value).values() for found in networks(held, seen)]


def record(energy: Callable[[Scene], Tensor], scene: Scene) -> list[tuple[nn.Module, tuple, dict]]:
    """Every outermost call of a network during one evaluation, with its inputs."""
    calls: list[tuple[nn.Module, tuple, dict]] = []
    inside = [0]

    def before(module: nn.Module, args: tuple, kwargs: dict) -> None:
        if inside[0] == 0:
            calls.append((module, args, kwargs))
        inside[0] += 1

    def after(*_: object) -> None:
        inside[0] -= 1

    handles = []
    for module in {id(m): m for top in networks(energy) for m in top.modules()}.values():
        handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
        handles.append(module.register_forward_hook(after))
    energy(scene)
    for handle in handles:
        handle.remove()
    return calls


def timed(fn: Callable[[], object], device: torch.device) -> float:
    """Milliseconds of one call: of the processor on one thread, so that neighbours do not count, else of the clock."""
    clock = time.process_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    began = clock()
    fn()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return 1e3 * (clock() - began)


def measure(energy: Callable[[Scene], Tensor], scene: Scene, repeats: int, device: torch.device) -> str:
    """One row: medians, and the median of the ratios."""
    predict = denoise(energy, scene)
    motion = scene.motion

    def evaluate() -> None:
        motion.pose.grad = motion.trans.grad = None
        energy(scene).sum().backward()

    for _ in range(3):
        evaluate()
        predict()
    pairs = [(timed(evaluate, device), timed(predict, device)) for _ in range(repeats)]
    whole, forward = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return f"{whole:8.1f} {forward:8.1f} {ratio:8.2f}"


def denoise(energy: Callable[[Scene], Tensor], scene: Scene) -> Callable[[], object]:
    """The prior's own forward pass on the inputs of one evaluation."""
    if isinstance(energy, MDMPrior):  # x0 from x_t: the linear part belongs to the forward pass
        prediction = energy.denoiser
        held: list[tuple] = []
        method = prediction.predict
        prediction.predict = lambda *args, **kwargs: held.append((args, kwargs)) or method(*args, **kwargs)
        energy(scene)
        del prediction.predict
        calls = [(method, args, kwargs) for args, kwargs in held]
    else:
        calls = record(energy, scene)
    if not calls:
        raise DiffOptError("has no network")

    @torch.no_grad()
    def run() -> None:
        for call, args, kwargs in calls:
            call(*args, **kwargs)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prior", action="append", default=[])
    parser.add_argument("--set", action="append", default=[], dest="settings", help="prior.KEY=VALUE")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    registry, device = Registry.load(), torch.device(args.device)
    options = recipes.assign({}, args.settings).get("prior", {}).get("options", {})
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(
        f"torch {torch.__version__}, {name}, {torch.get_num_threads()} threads; {args.clips} clips of {args.frames} "
        f"frames at {args.fps:g} fps; medians of {args.repeats}\n"
    )
    print(f"{'prior':10} {'eval ms':>8} {'fwd ms':>8} {'ratio':>8}")
    for prior in args.prior or sorted(registry.components["prior"]):
        ctx, scene = problem(args.clips, args.frames, args.fps, device)
        try:
            energy = registry.config("prior", prior, options).build(ctx)
            print(f"{prior:10} {measure(energy, scene, args.repeats, device)}", flush=True)
        except DiffOptError as error:
            if args.prior:
                raise
            print(f"{prior:10} not timed: {str(error).splitlines()[0]}", flush=True)


if __name__ == "__main__":
    main()
