"""A plain implementation of recipe `paper` as a yardstick: one clip at a time, torch modules, joint by joint, torch's
Adam, autograd throughout. Same losses: they are compared with the program's own at the start, before anything is timed.

    OMP_NUM_THREADS=1 uv run python benchmarks/plain.py CASE.npz [--steps 20]

Prints CPU milliseconds of a step of each block, plain and ours, and the ratio. The prior's forward pass is in both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import torch
from diffopt_core.data.rotation import matrix_to_columns
from diffopt_core.data.skeleton import JOINT, PARENTS
from diffopt_core.data.window import stack
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.results.checking import check
from diffopt_core.results.run import Run, context
from diffopt_core.solver.problem import Problem, bind, lay_out
from diffopt_core.solver.solve import _Ahead, _Block
from diffopt_priors.mdm.features import CONTACT_JOINTS
from torch import Tensor, nn
from torch.nn.functional import normalize


def module(net) -> nn.Sequential:
    """One of the motion's networks as a torch module with the same weights."""
    layers: list[nn.Module] = []
    for weight, bias in zip(net.weights, net.biases, strict=True):
        linear = nn.Linear(weight.shape[2], weight.shape[1])
        linear.weight.data.copy_(weight[0]), linear.bias.data.copy_(bias[0, 0])
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def rotation(six: Tensor, columns: bool = False) -> Tensor:
    a, b = (six[..., :3], six[..., 3:]) if columns else (six[..., ::2], six[..., 1::2])
    x = normalize(a, dim=-1)
    y = normalize(b - (x * b).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.cross(x, y, dim=-1)], -1)


def posed(pose: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """Global rotations and positions about the root, joint by joint."""
    turns, places = [pose[:, 0]], [torch.zeros_like(pose[:, 0, :, 0])]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        places.append(places[parent] + turns[parent] @ offsets[joint])
        turns.append(turns[parent] @ pose[:, joint])
    return torch.stack(turns, 1), torch.stack(places, 1)


class Plain:
    """The clip of a bound problem."""

    def __init__(self, problem: Problem, registry: Registry) -> None:
        self.problem, self.field = problem, problem.representation
        self.nets = [module(net) for net in (self.field.orient, self.field.pose, self.field.trans)]
        self.residual = {name: leaf.clone() for name, leaf in problem.camera.residual().items()}
        self.prior = problem.terms["prior"].energy
        rest = problem.body.rest_joints(problem.ctx.initial.betas)[0]
        self.bones = rest - rest[[0, *PARENTS[1:]]]
        anchors = problem.body._layouts[problem.batch.observations.layout]
        self.weight, self.offset = anchors.weight, problem.body._offsets(anchors, problem.ctx.initial)[0]

    def leaves(self, body: bool, camera: bool) -> list[Tensor]:
        motion = [leaf for net in self.nets for leaf in net.parameters()] if body else []
        return motion + (list(self.residual.values()) if camera else [])

    def motion(self) -> tuple[Tensor, Tensor]:
        x = self.field.fixed[0].T
        six = torch.cat([net(x) for net in self.nets[:2]], -1) + self.field.base[0, :, 0]
        trans = self.field.start[0] + self.nets[2](x) + self.field.correction[0]
        return rotation(six.unflatten(-1, (24, 6))), trans

    def losses(self, names: tuple[str, ...], progress: Tensor) -> dict[str, Tensor]:
        pose, trans = self.motion()
        initial, valid = self.problem.ctx.initial, self.problem.ctx.observations.valid[0].float()

        def mean(values: Tensor) -> Tensor:
            return (values * valid).sum() / valid.sum()

        known = {
            "pose": lambda: mean((pose[:, 1:] - initial.pose[0, :, 1:]).square().sum((-1, -2)).mean(-1)),
            "orientation": lambda: mean((pose[:, 0] - initial.pose[0, :, 0]).square().sum((-1, -2))),
            "translation": lambda: mean((trans - initial.trans[0]).square().sum(-1)),
            "anchor": lambda: self._anchor(pose, trans, valid),
            "prior": lambda: self._prior(pose, trans, progress),
            "reprojection": lambda: mean(self._reprojection(pose, trans)),
            "camera_rotation": lambda: self.residual["rotation"].square().sum(-1).mean(),
        }
        return {name: known[name]() for name in names}

    def _anchor(self, pose: Tensor, trans: Tensor, valid: Tensor) -> Tensor:
        first, initial = int(valid.argmax()), self.problem.ctx.initial
        moved = (trans - initial.trans[0])[first].square().sum()
        return moved + (pose[first, 0, ::2, 2] - initial.pose[0, first, 0, ::2, 2]).square().sum()

    def _prior(self, pose: Tensor, trans: Tensor, progress: Tensor) -> Tensor:
        prior = self.prior
        places = posed(pose, prior.denoiser.offsets)[1][:, :22] + (trans * prior.scale[0]).unsqueeze(1)
        across = (
            places[:, JOINT["right_hip"]] - places[:, JOINT["left_hip"]]
            + places[:, JOINT["right_shoulder"]] - places[:, JOINT["left_shoulder"]]
        )  # fmt: skip
        length = (across[:, 0] ** 2 + across[:, 2] ** 2 + 1e-8).sqrt()
        sine, cosine = across[:, 2] / length, -across[:, 0] / length
        zero, one = torch.zeros_like(sine), torch.ones_like(sine)
        frame = torch.stack([cosine, zero, -sine, zero, one, zero, sine, zero, cosine], -1).unflatten(-1, (3, 3))[:-1]
        flat = places.new_tensor([1.0, 0.0, 1.0])
        local = (places[:-1] - places[:-1, :1] * flat) @ frame.mT
        step = (places[1:] - places[:-1]) @ frame.mT
        relative = torch.cat([step[:, :1], step[:, 1:] - step[:, :1] * flat], 1)
        turn = torch.atan2(
            sine[1:] * cosine[:-1] - cosine[1:] * sine[:-1], cosine[1:] * cosine[:-1] + sine[1:] * sine[:-1] + 1e-8
        )
        contact = (step[:, list(CONTACT_JOINTS)].detach().norm(dim=-1) * prior.fps < 0.6).float()
        parts = [turn[:, None], step[:, 0, ::2], places[:-1, 0, 1:2], local[:, 1:].flatten(1)]
        parts += [matrix_to_columns(pose[:-1, 1:22]).flatten(1), relative.flatten(1), contact]
        x = prior.windows.split(prior.denoiser.normalise(torch.cat(parts, -1)[None]))
        value = prior.sds.loss(x, prior.windows.weight, prior.noise, progress, prior.observed, prior.shown)
        return prior.strength * value[0]

    def _reprojection(self, pose: Tensor, trans: Tensor) -> Tensor:
        turns, places = posed(pose, self.bones)
        points = torch.einsum("tjab,kjb->tka", turns, self.offset) + torch.einsum("kj,tja->tka", self.weight, places)
        points = points + trans.unsqueeze(1)
        base, residual = self.problem.camera.base, {name: leaf[0] for name, leaf in self.residual.items()}
        R = rotation(matrix_to_columns(base.R[0]) + residual["rotation"], columns=True)
        origin = base.position[0, 0]
        t = (base.t[0] + base.R[0] @ origin) * residual["scale"] + residual["translation"] - R @ origin
        seen = points @ R.mT + t.unsqueeze(1)
        focal = (base.focal[0] * residual["focal"]).unsqueeze(1)
        pixels = seen[..., :2] / seen[..., 2:].clamp_min(0.05) * focal + base.centre[0].unsqueeze(1)
        keypoints = self.problem.ctx.observations.keypoints[0]
        there = (keypoints[..., 2] > 0) & keypoints[..., :2].isfinite().all(-1) & (seen[..., 2] > 0.1)
        error = torch.where(there[..., None], pixels - keypoints[..., :2], 0.0).square()
        size = self._size(keypoints)
        cost = torch.where(there[..., None], error / (size**2 + error), 1.0).sum(-1) * keypoints[..., 2]
        return cost.where(keypoints[..., 2] > 0, torch.zeros(())).mean(-1)

    def _size(self, keypoints: Tensor) -> Tensor:
        seen = (keypoints[..., 2] > 0).unsqueeze(-1)
        box = keypoints[..., :2].masked_fill(~seen, -1e9).amax(1) - keypoints[..., :2].masked_fill(~seen, 1e9).amin(1)
        return 0.10 * box.amax(-1)[seen.any((1, 2))].mean()


def milliseconds(step: Callable[[], None], count: int) -> float:
    times = []
    for _ in range(count + 2):
        began = time.process_time()
        step()
        times.append((time.process_time() - began) * 1e3)
    return statistics.median(times[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    registry = Registry.load()
    recipe = recipes.parse(recipes.load("paper", registry.recipes))
    run = Run((args.case,), recipe, registry, None)
    ctx = context(run)
    batch = stack(check(run), ctx.device)
    problem = bind(lay_out(batch, [0], recipe, ctx), recipe)
    print(f"torch {torch.__version__}, one thread, {batch.observations.valid.shape[1]} frames, seed 0")
    for name, stage in recipe.stages:
        for block in stage.blocks:
            compare(name, block, stage, problem, registry, args.steps)


def compare(name: str, block: str, stage, problem: Problem, registry: Registry, steps: int) -> None:
    """Print one line; refuse if the losses differ."""
    progress = torch.zeros(())
    ours = _Block(block, stage.block[block], stage, problem, progress, _Ahead(problem))
    theirs = Plain(problem, registry)
    leaves = theirs.leaves(ours.moves_body, any(pattern.startswith("camera") for pattern in ours.spec.free))
    for leaf in (*leaves, *ours.leaves):
        leaf.requires_grad_(True)
    problem.noise.restart(1)
    found = theirs.losses(ours.names, progress)
    problem.noise.restart(1)
    expected = dict(zip(ours.names, ours._losses()[0][:, 0], strict=True))
    for term, value in found.items():
        torch.testing.assert_close(
            value.detach(), expected[term], rtol=2e-3, atol=1e-5, msg=f"{term}: {value}, ours {expected[term]}"
        )
    adam = torch.optim.Adam(leaves, lr=0.0)
    weights = dict(zip(ours.names, ours.weights.tolist(), strict=True))

    def plain() -> None:
        adam.zero_grad()
        sum(weights[term] * value for term, value in theirs.losses(ours.names, progress).items()).backward()
        adam.step()

    def mine() -> None:
        _, *grads = ours.step()
        ours.optimiser.step(grads)

    ours.optimiser.slow_down(0.0)
    both = milliseconds(plain, steps), milliseconds(mine, steps)
    print(f"{name}.{block}: plain {both[0]:.2f} ms, ours {both[1]:.2f} ms, {both[0] / both[1]:.2f} times")
    for leaf in ours.leaves:
        leaf.requires_grad_(False)


if __name__ == "__main__":
    main()
