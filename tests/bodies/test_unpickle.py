"""The restricted unpickler reads old body models and runs nothing."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import types

import numpy as np
import pytest
import scipy.sparse
from diffopt_core.common.unpickle import read_pickle, to_array
from diffopt_core.errors import BadInput


@pytest.fixture
def chumpy_array(monkeypatch):
    """Wraps an array in a class that pickles under chumpy's name, as the official files do."""

    class Ch:
        def __init__(self, x):
            self.x = x
            self.dr_cache = {}

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    module = types.ModuleType("chumpy.ch")
    module.Ch = Ch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return Ch


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_reads_what_body_models_are_made_of(protocol, chumpy_array, tmp_path):
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(4, 7)) * (rng.random((4, 7)) > 0.5)
    held = {
        "f": np.arange(6, dtype=np.uint32).reshape(2, 3),
        "order": np.asfortranarray(rng.normal(size=(3, 2))),
        "scalar": np.float32(1.5),
        "csc": scipy.sparse.csc_matrix(dense),
        "csr": scipy.sparse.csr_matrix(dense),
        "chumpy": chumpy_array(dense),
        "text": "neutral",
        "bytes": b"\xff\x00",
    }
    file = tmp_path / "m.pkl"
    file.write_bytes(pickle.dumps(held, protocol=protocol))
    got = read_pickle(file)
    for key in ("f", "order", "scalar"):
        np.testing.assert_array_equal(to_array(got[key]), held[key])
    for key in ("csc", "csr", "chumpy"):
        np.testing.assert_array_equal(to_array(got[key]), dense)
    assert got["text"] == "neutral" and got["bytes"] == b"\xff\x00"


class _Calls:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (os.system, ("touch {mark}",), "system"),
        (subprocess.Popen, (["touch", "{mark}"],), "Popen"),
        (eval, ("open('{mark}', 'w')",), "eval"),
        (getattr, ("", "join"), "getattr"),
        (np.load, ("x.npy",), "load"),
    ],
)
def test_refuses_everything_else_by_name(function, arguments, named, protocol, tmp_path):
    mark = tmp_path / "ran"
    filled = tuple([w.format(mark=mark) for w in a] if isinstance(a, list) else a.format(mark=mark) for a in arguments)
    file = tmp_path / "bad.pkl"
    file.write_bytes(pickle.dumps({"v_template": _Calls(function, *filled)}, protocol=protocol))
    with pytest.raises(BadInput, match=named):
        read_pickle(file)
    assert not mark.exists()


def test_a_stand_in_name_runs_nothing(tmp_path):
    """Even a name under chumpy is inert: it is called and keeps no argument."""
    file = tmp_path / "m.pkl"
    file.write_bytes(b"cchumpy.anything\nrun\n(S'rm -rf'\ntR.")
    with pytest.raises(ValueError, match="chumpy"):
        to_array(read_pickle(file))


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x04\x95", b"\x80\x02}q\x00("])
def test_damaged_files_are_named(content, tmp_path):
    file = tmp_path / "m.pkl"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=r"m\.pkl"):
        read_pickle(file)
