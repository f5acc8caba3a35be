"""Files of ``torch.save``, zip and legacy, by torch's own restricted loader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import BadInput
from .restricted import NUMPY, NUMPY_MODULES, encode

#: The first bytes of a legacy file: the pickle of torch's magic number.
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_NAMED = re.compile(r"GLOBAL ([\w.]+)")


def read_torch(path: Path) -> Any:
    """What the file holds, tensors on the CPU. Raises BadInput, naming the class where one was refused."""
    import torch

    arrays: list[Any] = [np.ndarray, np.dtype, bytes, (encode, "_codecs.encode")]
    arrays += [(held, f"{module}.{name}") for module in sorted(NUMPY_MODULES) for name, held in NUMPY.items()]
    # the class of a dtype is a class a type
    arrays += [
        type(np.dtype(kind)) for kind in ("?", *np.typecodes["AllInteger"], *np.typecodes["AllFloat"], "U1", "O")
    ]
    try:
        with torch.serialization.safe_globals(arrays):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise almost anything
        message = str(error)
        named = _NAMED.search(message)
        if named:
            problem = f"the file wants '{named[1]}', which is not an array class; it was not run and is refused"
        else:
            problem = (
                f"not a readable torch file ({type(error).__name__}: {message.splitlines()[0] if message else ''})"
            )
        raise BadInput(path, "torch file", problem) from error
