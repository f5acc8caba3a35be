"""Executors: run the step of a block eagerly, or capture it once as a CUDA graph and replay it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ..config import ComponentConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..interfaces import BuildContext, Executor, Step


class AutoConfig(ComponentConfig):
    """``cudagraph`` on a CUDA device, ``eager`` elsewhere."""

    def build(self, ctx: BuildContext) -> Executor:
        return ctx.build("executor", "cudagraph" if ctx.device.type == "cuda" else "eager")


class Eager:
    """Implements :class:`diffopt_core.interfaces.Executor`. Runs the step eagerly, on any device."""

    def prepare(self, step: Step, capturable: bool) -> Step:
        return step


class CudaGraphConfig(ComponentConfig):
    """Captures each block's step after a few eager ones. Eager steps of small batches are limited by the host, which
    launches thousands of small operations. A block with a term that cannot be captured (``capturable``) runs
    eagerly."""

    def build(self, ctx: BuildContext) -> Executor:
        from ..errors import MissingResource

        if ctx.device.type != "cuda":
            raise MissingResource(
                f"executor cudagraph: needs a CUDA device, and this runs on {ctx.device.type}; "
                "--device cuda on a machine that has one, or --executor eager"
            )
        noise = getattr(ctx, "noise", None)
        return CudaGraph(ctx.device, () if noise is None else tuple(noise.streams))


#: Eager steps before the capture, in which libraries choose algorithms and allocate workspaces.
_PLAIN = 2


class CudaGraph:
    """Implements :class:`diffopt_core.interfaces.Executor`. ``streams``: random generators that advance in the replays
    as in eager steps."""

    def __init__(self, device: torch.device, streams: tuple[torch.Generator, ...]) -> None:
        self.device, self.streams = device, streams

    def prepare(self, step: Step, capturable: bool) -> Step:
        return _Recorded(step, self.device, self.streams) if capturable else step


@lru_cache
def _aside_of(device: torch.device) -> torch.cuda.Stream:
    """CUDA stream for warm-up and capture: one per device, because libraries allocate 64 MiB per stream."""
    import torch

    return torch.cuda.Stream(device)


class _Recorded:
    def __init__(self, step: Step, device: torch.device, streams: tuple[torch.Generator, ...]) -> None:
        self.step, self.device, self.streams, self.calls = step, device, streams, 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.outputs: tuple[Tensor, ...] = ()

    def __call__(self) -> tuple[Tensor, ...]:
        import torch

        with torch.cuda.device(self.device):
            self.calls += 1
            if self.calls <= _PLAIN:
                return self._aside()
            if self.graph is None:
                self.graph = self._record()
            self.graph.replay()
            return self.outputs

    def _aside(self) -> tuple[Tensor, ...]:
        """An eager step on the capture stream, as CUDA graphs require."""
        import torch

        here, aside = torch.cuda.current_stream(), _aside_of(self.device)
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            outputs = self.step()
        here.wait_stream(aside)
        for output in outputs:
            output.record_stream(here)
        return outputs

    def _record(self) -> torch.cuda.CUDAGraph:
        import torch

        from ..errors import DiffOptError

        graph = torch.cuda.CUDAGraph()
        for stream in self.streams:
            graph.register_generator_state(stream)
        try:
            with torch.cuda.graph(graph, stream=_aside_of(self.device), capture_error_mode="thread_local"):
                self.outputs = self.step()
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise DiffOptError(
                f"executor cudagraph: a term's step cannot be recorded ({reason}); use --executor eager, or say "
                "`capturable = False` on that term's config"
            ) from error
        return graph
