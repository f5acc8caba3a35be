"""Read arrays from a pickle that came from somebody else, without running it.

A pickle is a program. Body-model files are pickles of Python 2 with numpy arrays, scipy sparse matrices and chumpy
objects; here numpy's constructors are the only ones that run, scipy and chumpy classes become inert stand-ins
(neither package is needed), and every other name is refused with its name.
"""

from __future__ import annotations

import codecs
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from .errors import BadInput


class Inert:
    """Holds the state of an object whose class is known but not wanted: nothing of it runs."""

    kind = ""

    def __init__(self, *_: Any):
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        # objects with slots give (dict, slots)
        parts = state if isinstance(state, tuple) else (state,)
        self.state = {k: v for part in parts if isinstance(part, dict) for k, v in part.items()}


class Chumpy(Inert):
    """A chumpy array; its value is in ``x``."""

    kind = "chumpy"


class SparseColumns(Inert):
    """scipy's csc_matrix."""

    kind = "csc"


class SparseRows(Inert):
    """scipy's csr_matrix."""

    kind = "csr"


def _reconstructor(cls: type, base: type, state: Any) -> Any:
    """Protocol 0's object constructor, for the stand-ins only."""
    if not (isinstance(cls, type) and issubclass(cls, Inert) and base is object and state is None):
        raise pickle.UnpicklingError(f"an object of {cls} is refused")
    return cls()


def _encode(text: str, encoding: str) -> bytes:
    """Bytes as Python 3 writes them in protocol 2."""
    if encoding not in ("latin1", "utf-8"):
        raise pickle.UnpicklingError(f"encoding {encoding} is refused")
    return codecs.encode(text, encoding)


_ARRAY = np.zeros(1)
# taken from numpy itself, because their module was renamed between numpy 1 and 2
_NUMPY: dict[str, Any] = {
    "_reconstruct": _ARRAY.__reduce__()[0],
    "_frombuffer": _ARRAY.__reduce_ex__(5)[0],
    "scalar": np.float64(0).__reduce__()[0],
    "ndarray": np.ndarray,
    "dtype": np.dtype,
}
_NUMPY_MODULES = {"numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric"}
_NUMPY_MODULES |= {"numpy._core.numeric"}
_SPARSE = {"csc_matrix": SparseColumns, "csr_matrix": SparseRows}
_OTHERS: dict[tuple[str, str], Any] = {
    ("copyreg", "_reconstructor"): _reconstructor,
    ("copy_reg", "_reconstructor"): _reconstructor,
    ("builtins", "object"): object,
    ("__builtin__", "object"): object,
    ("_codecs", "encode"): _encode,
}


class Refused(pickle.UnpicklingError):
    """The pickle names something that is not on the list."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in _NUMPY_MODULES and name in _NUMPY:
            return _NUMPY[name]
        if module.startswith("scipy.sparse") and name in _SPARSE:
            return _SPARSE[name]
        if module.split(".")[0] == "chumpy":
            return Chumpy
        if (module, name) in _OTHERS:
            return _OTHERS[module, name]
        raise Refused(f"{module}.{name}")


def read_pickle(path: Path) -> Any:
    """What a pickle file holds, of numpy arrays, plain containers, strings and numbers, and stand-ins.

    Raises BadInput, naming the class where one was refused.
    """
    with open(path, "rb") as file:
        try:
            return _Unpickler(file, encoding="latin1").load()
        except Refused as error:
            problem = f"the pickle wants '{error}', which is not an array class; it was not run and is refused"
        except Exception as error:  # a damaged pickle can raise almost anything
            problem = f"not a readable pickle ({type(error).__name__}: {error})"
    raise BadInput(path, "pickle", problem)


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
