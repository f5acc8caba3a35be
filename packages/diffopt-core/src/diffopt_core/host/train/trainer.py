"""Base class of trainings: AdamW, moving average of the weights, checkpoints, the card."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from ...errors import BadInput
from .settings import TrainingSettings, settings_of
from .shards import terms_of


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values atomically: if the process is killed, the old checkpoint remains."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


@contextmanager
def resuming(path: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the state that :func:`write_checkpoint` wrote; if the block cannot restore training ``name`` from it,
    BadInput is raised."""
    try:
        yield torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged checkpoint can raise almost anything
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        remedy = "omit --resume to start a new training"
        raise BadInput(path, "checkpoint", f"not a checkpoint of `diffopt train {name}` ({why}); {remedy}") from error


_T = TypeVar("_T", bound="NetworkTraining")


class NetworkTraining(ABC):
    """State of one training run. Random numbers come from a generator seeded with (seed, step), so a resumed run is
    bit-identical to an uninterrupted one.

    A subclass is created as ``cls(settings, data, held_out, **held)``, sets what :meth:`build` needs, then calls this
    constructor. ``held``: names of attributes that a checkpoint stores and the constructor takes by keyword (tensors
    and plain values). ``average`` is empty if the settings' ``ema`` is 0.
    """

    #: Name of the training and of its weight file.
    name: ClassVar[str]
    settings_type: ClassVar[type[TrainingSettings]]
    held: ClassVar[tuple[str, ...]] = ("offsets",)
    betas: ClassVar[tuple[float, float]] = (0.9, 0.98)
    #: Gradients are clipped to this norm.
    max_norm: ClassVar[float] = 1.0
    #: Where the network is; motion is drawn on the CPU.
    device = torch.device("cpu")

    def __init__(self, settings: TrainingSettings, files: Sequence[str], validation_files: Sequence[str]) -> None:
        self.settings: Any = settings
        self.files, self.validation_files = tuple(files), tuple(validation_files)
        #: Earlier runs that this one started from, oldest first: name and step of each weight file, and its settings.
        self.chain: list[dict[str, Any]] = []
        self.step_index = 0
        torch.manual_seed(settings.seed)
        self.network = self.build()
        self.average: dict[str, Tensor] = {}
        if settings.ema:
            self.adopt(self.network.state_dict())
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay, betas=self.betas
        )

    @abstractmethod
    def build(self) -> nn.Module:
        """Create the network; its weights are drawn from torch's global generator."""

    @abstractmethod
    def losses(self) -> dict[str, Tensor]:
        """Losses of the current step; ``loss`` is the one to minimise."""

    @abstractmethod
    def evaluate(self) -> dict[str, Any]:
        """Metrics on held-out data, as JSON data."""

    @abstractmethod
    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Write weights and card."""

    def adopt(self, state: Mapping[str, Tensor]) -> None:
        """Start from the weights ``state``; the moving average starts there too. Raises RuntimeError for other
        shapes."""
        self.network.load_state_dict(state)
        self.average = {key: value.detach().clone() for key, value in state.items()}

    def to(self, device: torch.device) -> None:
        """Move the network, its average and the optimiser's state."""
        self.device = device
        self.network.to(device)
        self.average = {key: value.to(device) for key, value in self.average.items()}
        # Loading moves each parameter's moments to where the parameter is.
        self.optimizer.load_state_dict(self.optimizer.state_dict())

    def step(self, rate: float) -> dict[str, Tensor]:
        """One optimiser step; returns the detached losses."""
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        parts = self.losses()
        self.optimizer.zero_grad(set_to_none=True)
        parts["loss"].backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.max_norm)
        self.optimizer.step()
        keep = min(self.settings.ema, (1 + self.step_index) / (10 + self.step_index))
        with torch.no_grad():
            state = self.network.state_dict()
            for key, value in self.average.items():
                value.lerp_(state[key], 1 - keep)
        self.step_index += 1
        return {name: value.detach() for name, value in parts.items()}

    def card(self, path: Path, report: Mapping[str, Any]) -> dict[str, Any]:
        """Common entries of the card for weights written to ``path``."""
        return {
            "name": path.stem,
            "step": self.step_index,
            "chain": self.chain,
            "settings": asdict(self.settings),
            "training_files": list(self.files),
            "validation_files": list(self.validation_files),
            "terms": terms_of(self.files),
            "report": dict(report),
        }

    def save(self, path: Path) -> None:
        """Write the checkpoint atomically."""
        state = {
            "kind": self.name,
            "settings": asdict(self.settings),
            "step": self.step_index,
            "files": list(self.files),
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "chain": self.chain,
        }
        write_checkpoint(path, state | {name: getattr(self, name) for name in self.held})

    @classmethod
    def resume(cls: type[_T], path: Path, data: Any, held_out: Any) -> _T:
        """Restore a training from the checkpoint that :meth:`save` wrote. Raises BadInput for another file, or if the
        data differs."""
        with resuming(path, cls.name) as state:
            settings = settings_of(cls.settings_type, state["settings"])
            training = cls(settings, data, held_out, **{name: state[name] for name in cls.held})  # type: ignore[arg-type]
            training.network.load_state_dict(state["network"])
            training.average = state.get("average", {})
            training.optimizer.load_state_dict(state["optimizer"])
            training.step_index, training.chain = state["step"], state.get("chain", [])
            files = tuple(state.get("files", training.files))
        if files != training.files:
            now = ", ".join(training.files)
            raise BadInput(path, "files", f"is of a training on {', '.join(files)}, but --data gives {now}")
        return training
