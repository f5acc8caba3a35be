"""Files of ``torch.save``, zip and legacy, by torch's own restricted loader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ...errors import BadInput
from .arrays import Held, fresh
from .restricted import NUMPY, NUMPY_MODULES, Refused, encode
from .torch_dry import go_through

#: The first bytes of a legacy file: the pickle of torch's magic number.
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def reconstruct(cls: Any = None, *_: Any) -> Held:
    """The empty array that numpy's pickles begin with, of the class to which torch's loader gives a state."""
    return fresh(cls).view(Held)


_NAMED = re.compile(r"GLOBAL ([\w.]+)")


def read_torch(path: Path) -> Any:
    """What the file holds, tensors on the CPU. Raises BadInput, naming the class where one was refused."""
    import torch

    arrays: list[Any] = [bytes, (encode, "_codecs.encode")]
    names = NUMPY | {"_reconstruct": reconstruct}
    arrays += [(held, f"{module}.{name}") for module in sorted(NUMPY_MODULES) for name, held in names.items()]
    try:
        go_through(path)
        with torch.serialization.safe_globals(arrays):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Refused:
        raise
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
