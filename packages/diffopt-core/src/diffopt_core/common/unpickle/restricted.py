"""The restricted unpickler: a list of names that may be called, and a refusal for every other.

A pickle is a program. Here plain containers and numpy's constructors are the only ones that run; scipy, chumpy and
joblib classes become inert stand-ins (none of these packages is needed), torch's tensors arrays. A class that nobody
here knows, such as a training framework's, becomes a token: it holds what the file gives it and refuses to be used.
Names of Python's own library and functions of numpy and torch, which have no place in data, are refused at once.
"""

from __future__ import annotations

import _compat_pickle  # what modules were called in Python 2
import codecs
import collections
import io
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import reading
from ..elsewhere import refuse_others
from . import arrays, torch_parts
from .interpreter import Inert, Interpreter
from .interpreter import key as key_of


class Chumpy(Inert):
    """A chumpy array; its value is in ``x``."""

    kind = "chumpy"


class JoblibArray(Inert):
    """joblib's promise of an array whose bytes follow in the stream (0.10 and later) or lie in a companion file."""

    kind = "joblib"


class JoblibCompanion(Inert):
    """An array of joblib before 0.10: a ``.npy`` file beside the pickle."""

    kind = "joblib companion"


class JoblibCompressedCompanion(JoblibCompanion):
    """The same, compressed: its bytes are a z-file, its shape and type are in the state."""


class SparseColumns(Inert):
    """scipy's csc_matrix."""

    kind = "csc"


class SparseRows(Inert):
    """scipy's csr_matrix."""

    kind = "csr"


def _reconstructor(cls: type, base: type, state: Any) -> Any:
    """Protocol 0's object constructor, for the stand-ins only."""
    if not (isinstance(cls, type) and issubclass(cls, Inert) and base is object and state is None):
        raise pickle.UnpicklingError(f"an object of {getattr(cls, '__name__', 'no class')} is refused")
    return cls()


def encode(text: str, encoding: str) -> bytes:
    """Bytes as Python 3 writes them in protocol 2."""
    if encoding not in ("latin1", "utf-8"):
        raise pickle.UnpicklingError("another encoding than latin1 and utf-8 is refused")
    return codecs.encode(text, encoding)


def _from_bytes(data: bytes) -> Any:
    """A storage that was pickled by value: a torch file of its own."""
    return torch_parts.read_legacy(data, Unpickler)


def _path(*parts: str) -> str:
    """A path as text."""
    return "/".join(parts).replace("//", "/")


NUMPY: dict[str, Any] = {
    "_reconstruct": arrays.fresh,
    "_frombuffer": arrays.from_buffer,
    "scalar": arrays.scalar,
    "ndarray": arrays.Held,
    "dtype": arrays.Dtype,
}
NUMPY_MODULES = {"numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric"}
NUMPY_MODULES |= {"numpy._core.numeric"}
_SPARSE = {"csc_matrix": SparseColumns, "csr_matrix": SparseRows}
_PLAIN = (bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, slice, range, object)
_OTHERS: dict[tuple[str, str], Any] = {
    **{(module, kind.__name__): kind for module in ("builtins", "__builtin__") for kind in _PLAIN},
    ("__builtin__", "unicode"): str,
    ("__builtin__", "long"): int,
    ("__builtin__", "xrange"): range,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("collections", "defaultdict"): collections.defaultdict,
    ("copyreg", "_reconstructor"): _reconstructor,
    ("copy_reg", "_reconstructor"): _reconstructor,
    ("_codecs", "encode"): encode,
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): JoblibArray,
    ("joblib.numpy_pickle", "NDArrayWrapper"): JoblibCompanion,
    ("joblib.numpy_pickle_compat", "NDArrayWrapper"): JoblibCompanion,
    ("joblib.numpy_pickle", "ZNDArrayWrapper"): JoblibCompressedCompanion,
    ("joblib.numpy_pickle_compat", "ZNDArrayWrapper"): JoblibCompressedCompanion,
    ("torch._utils", "_rebuild_tensor_v2"): torch_parts.tensor,
    ("torch._utils", "_rebuild_tensor"): torch_parts.tensor,
    ("torch._utils", "_rebuild_parameter"): torch_parts.parameter,
    ("torch.storage", "_load_from_bytes"): _from_bytes,
    ("torch", "Size"): tuple,
    ("torch", "device"): torch_parts.device,
    **{("pathlib", name): _path for name in ("Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")},
}


#: Python's own library but for what only holds data, and libraries whose functions do more than that.
_CODE = (sys.stdlib_module_names | {name.partition(".")[0] for name in _compat_pickle.IMPORT_MAPPING}) - {
    "argparse", "collections", "datetime", "decimal", "enum", "pathlib", "typing", "uuid"
}  # fmt: skip
_LIBRARIES = frozenset({"numpy", "torch", "scipy", "joblib", "pandas", "torchvision"})


class Refused(pickle.UnpicklingError, ValueError):
    """The pickle names something that is not on the list."""

    def __init__(self, name: str):
        super().__init__(f"it wants '{name}', which is not an array class; it was not run and is refused")


class Token(Inert):
    """An object of a class that is not known here. Raises Refused, naming it, where its value is wanted."""

    kind = "token"
    name = ""

    def _refuse(self, *_: Any) -> Any:
        raise Refused(self.name)

    __array__ = __len__ = __iter__ = __getitem__ = __float__ = __int__ = __index__ = _refuse


def find_class(module: str, name: str) -> Any:
    """What a name of the pickle stands for here. Raises Refused for names of code."""
    if module in NUMPY_MODULES and name in NUMPY:
        return NUMPY[name]
    if module.startswith("scipy.sparse") and name in _SPARSE:
        return _SPARSE[name]
    if module.split(".")[0] == "chumpy":
        return Chumpy
    if (module, name) in _OTHERS:
        return _OTHERS[module, name]
    if module == "torch" and name in torch_parts.TYPES:
        return name  # a dtype as text
    if kind := torch_parts.storage_name(module, name):
        return kind
    root, last = module.partition(".")[0], name.rpartition(".")[2]
    if root in _CODE or (root in _LIBRARIES and not last[:1].isupper()):
        raise Refused(f"{module}.{name}")
    return type("Token", (Token,), {"name": f"{module}.{name}"})


class Unpickler(Interpreter):
    """For pickles of plain data and the arrays of numpy and torch. ``stream``: the whole of it; ``bytes_of``: gives
    the bytes of storages that lie outside of the pickle."""

    functions = frozenset(
        {_reconstructor, encode, _path, arrays.fresh, arrays.from_buffer, arrays.scalar}
        | {torch_parts.tensor, torch_parts.parameter, _from_bytes, torch_parts.device}
    )

    def __init__(self, stream: io.BytesIO, bytes_of: torch_parts.Bytes | None = None):
        super().__init__(stream, encoding="latin1")
        self._bytes_of, self._held = bytes_of, dict[Any, torch_parts.Storage]()

    def persistent_load(self, named: Any) -> Any:
        if self._bytes_of is None:
            raise pickle.UnpicklingError("a reference to something outside of the pickle is refused")
        key = key_of(named)
        if key not in self._held:
            self._held[key] = torch_parts.held_by(named, self._bytes_of)
        return self._held[key]

    def find_class(self, module: str, name: str) -> Any:
        return find_class(module, name)


def read_pickle(path: Path) -> Any:
    """What a pickle file holds, of numpy arrays, plain containers, strings and numbers, and stand-ins.

    Raises BadInput, naming the class where one was refused.
    """
    with reading(path, "pickle"):
        refuse_others(path)
        return Unpickler(io.BytesIO(path.read_bytes())).load()


def to_array(value: Any) -> np.ndarray:
    """A dense array from an array or a stand-in. Raises ValueError if it holds none."""
    if not isinstance(value, Inert):
        return np.asarray(value)
    state = value.state
    if value.kind == "chumpy":
        if "x" not in state:
            raise ValueError(f"a chumpy expression without a stored value (it has {', '.join(state) or 'nothing'})")
        return to_array(state["x"])
    data, indices, starts = (np.asarray(state[k]) for k in ("data", "indices", "indptr"))
    rows, columns = state["_shape"] if "_shape" in state else state["shape"]
    by_column = value.kind == "csc"
    out = np.zeros((columns, rows) if by_column else (rows, columns), dtype=data.dtype)
    np.add.at(out, (np.repeat(np.arange(len(starts) - 1), np.diff(starts)), indices), data)
    return out.T if by_column else out
