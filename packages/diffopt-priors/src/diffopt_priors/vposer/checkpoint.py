"""Tensors of a checkpoint that also holds settings and callbacks of the framework that wrote it.

Only PyTorch's restricted reader (``weights_only=True``) is used. Classes that it does not know become empty
dictionaries: nothing of them runs or is imported. A name of Python's own library that does more than hold data
(``builtins.eval``, ``os.system``) is refused by name, since no trainer has a reason to write one.
"""

from __future__ import annotations

import sys
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput
from diffopt_core.perception.weights.cards import compare
from torch import Tensor

from diffopt_priors.cards import VPOSER_WEIGHTS
from diffopt_priors.mdm import checkpoint
from diffopt_priors.vposer.network import VPoser

#: Modules of Python's own library whose classes only hold data.
_HOLDERS = {"argparse", "collections", "datetime", "decimal", "enum", "pathlib", "typing", "uuid"}
_CODE = (sys.stdlib_module_names | {"__builtin__"}) - _HOLDERS


class _StandIn:
    """Called in place of an unknown class: the reader can fill what it gets, and nobody looks at it."""

    def __new__(cls, *_: Any) -> Any:
        return OrderedDict()


def read(path: Path, source: str) -> dict[Any, Any]:
    """The dictionary that the file holds. ``source``: where such a file comes from, the end of every message."""
    unknown: list[str] = []
    # Files older than torch 1.6 are no zips and are read without stand-ins; what is damaged, the reader says.
    if zipfile.is_zipfile(path):
        with suppress(Exception):
            unknown = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    refused = [name for name in sorted(unknown) if name.split(".")[0] in _CODE]
    if refused:
        raise BadInput(path, "pickle", f"wants '{refused[0]}', which is code; it was not run and is refused; {source}")
    with torch.serialization.safe_globals([(_StandIn, name) for name in unknown]):
        return checkpoint.read(path, source)


def fill(network: VPoser, path: Path, state: dict[str, Tensor], names: Mapping[str, str]) -> None:
    """Copy ``state`` into ``network``. ``names``: module of the network -> its name in the file, where it differs.

    Raises BadInput that names keys which are missing, of another shape, or not finite.
    """
    expected = {}
    for own, value in network.state_dict().items():
        module, _, leaf = own.rpartition(".")
        if leaf != "num_batches_tracked":
            expected[f"{names.get(module, module)}.{leaf}"] = value
    compare(path, {key: state[key] for key in expected if key in state}, expected, VPOSER_WEIGHTS.source)
    with torch.no_grad():
        for key, value in expected.items():
            value.copy_(state[key])
