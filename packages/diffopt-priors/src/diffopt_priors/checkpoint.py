"""Read somebody else's PyTorch checkpoint without running it, and say in one line what does not fit.

A checkpoint is a zip (older ones a bare stream) around a pickle. ``weights_only`` lets tensors, numbers and plain
containers through and refuses every other class before anything of it runs.
"""

from __future__ import annotations

import pickletools
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput


def read(path: Path, source: str) -> dict[Any, Any]:
    """The dictionary in the file. ``source``: where such a file comes from, the end of every message."""
    with open(path, "rb") as file:
        head = file.read(64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice to the author of a pickle
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise almost anything
        raise BadInput(path, "file", f"{_reason(path, head, str(error))}; {source}") from error
    if not isinstance(loaded, dict) or not loaded:
        raise BadInput(path, "file", f"holds {_kind(loaded)}, not a dictionary of weights; {source}")
    return loaded


def _kind(value: Any) -> str:
    return "nothing" if isinstance(value, dict) and not value else f"an object of type {type(value).__name__}"


def _reason(path: Path, head: bytes, message: str) -> str:
    if not head:
        return "is empty"
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the file itself"
    if head.lstrip()[:1] == b"<":
        return "is a web page, not a checkpoint"
    if head.startswith(b"PK") and not zipfile.is_zipfile(path):
        return "is cut off (a checkpoint whose end is missing); copy it again"
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if not any(name.endswith("data.pkl") for name in names):
            return "is a zip but no PyTorch checkpoint (no data.pkl in it)"
    named = re.search(r"GLOBAL ([\w.]+)", message)
    refused = named[1] if named else _class_in(path)
    if refused:
        return f"its pickle wants the code '{refused}', not only tensors; it was not run and is refused"
    return "is no readable PyTorch checkpoint"


def _class_in(path: Path) -> str:
    """First name that a bare pickle would import, found by reading its opcodes; "" if it names none, or is none."""
    texts: list[str] = []
    try:
        with open(path, "rb") as file:
            for code, value, _ in pickletools.genops(file):
                if code.name in ("GLOBAL", "INST"):
                    return str(value).replace(" ", ".")
                if code.name == "STACK_GLOBAL":
                    return ".".join(texts[-2:])
                if isinstance(value, str):
                    texts.append(value)
    except Exception:  # not a pickle, or one that is cut off
        return ""
    return ""
