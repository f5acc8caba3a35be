"""What the tests of the pose prior share: random networks under the published names, and small motion shards."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_priors.vposer.network import Edition, VPoser
from diffopt_priors.vposer.weights import _NAMES
from torch import Tensor


def network(edition: Edition = "v2", seed: int = 0) -> VPoser:
    """A random network in evaluation mode whose batch statistics are not the trivial ones."""
    torch.manual_seed(seed)
    made = VPoser(edition)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.05, 0.5)
    return made.eval().requires_grad_(False)


def published(made: VPoser) -> dict[str, Tensor]:
    """Its state under the published names."""
    state = {}
    for own, value in made.state_dict().items():
        module, _, leaf = own.rpartition(".")
        state[f"{_NAMES[made.edition][module]}.{leaf}"] = value
    return state


@contextmanager
def foreign(module: str, name: str, base: type = object) -> Iterator[type]:
    """A class of a package that is not installed, importable only while a checkpoint is written."""
    parts = module.split(".")
    parents = [".".join(parts[: k + 1]) for k in range(len(parts))]
    made = type(name, (base,), {"__module__": module})
    for parent in parents:
        sys.modules[parent] = types.ModuleType(parent)
    setattr(sys.modules[module], name, made)
    try:
        yield made
    finally:
        for parent in parents:
            del sys.modules[parent]


class Code:
    """Pickles as a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


def shard(path: Path, frames: int = 240, seed: int = 0, **changes: Any) -> Path:
    """A motion shard of four clips of two subjects, 30 fps."""
    generator = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    wave = 0.3 * np.sin(2 * time + generator.uniform(0, 6, (1, 24, 3))) * generator.uniform(0.2, 1, (1, 24, 3))
    arrays: dict[str, Any] = {
        "poses": wave.astype(np.float32),
        "trans": np.zeros((frames, 3), np.float32),
        "starts": np.linspace(0, frames, 5).astype(int),
        "subjects": np.array(["a", "a", "a", "b"]),
        "flat_ground": np.ones(4, bool),
        "fps": np.array(30.0),
    } | changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path
