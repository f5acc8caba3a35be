"""The device of a measurement."""

from __future__ import annotations

import torch
from diffopt_core.errors import MissingResource


def chosen(name: str) -> torch.device:
    """``cpu`` or ``cuda[:N]``; MissingResource for one that is not there."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MissingResource(f"--device {name}: not usable here; use cpu, or cuda[:N] where there is one") from error
    return device
