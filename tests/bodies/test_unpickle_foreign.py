"""Files of other programs: what is read comes back, and nothing of them runs."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import types
import warnings
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput, MissingResource
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

NESTED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def array_of(kinds):
    return hnp.arrays(kinds, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


ARRAYS = st.sampled_from(["f4", "f8", ">f4", "i8", "u1", "?", "f2"]).flatmap(array_of)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(max_size=5),
    st.binary(max_size=5), ARRAYS, ARRAYS.map(np.asfortranarray), st.floats(width=32, allow_nan=False).map(np.float32),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=4), st.integers(0, 9)), inner, max_size=3),
        st.dictionaries(st.text(max_size=4), inner, max_size=3).map(OrderedDict),
        st.dictionaries(st.text(max_size=4), inner, max_size=3).map(lambda d: defaultdict(dict, d)),
    ),
    max_leaves=8,
)
TORCH_ARRAYS = st.sampled_from(["f4", "f8", "i8", "u1", "?", "f2"]).flatmap(array_of)
TENSORS = st.recursive(
    st.one_of(TORCH_ARRAYS, st.integers(-9, 9), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)


def same(got, want):
    if isinstance(want, dict):
        assert type(got) is dict and list(got) == list(want)
        for key in want:
            same(got[key], want[key])
    elif isinstance(want, list | tuple):
        assert type(got) is type(want) and len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            same(a, b)
    elif isinstance(want, np.ndarray | np.generic):
        assert got.dtype.newbyteorder("=") == want.dtype.newbyteorder("=") and got.shape == want.shape
        np.testing.assert_array_equal(got, want)
    else:
        assert type(got) is type(want) and got == want


def to_torch(value, wrap=torch.from_numpy):
    if isinstance(value, dict):
        return {k: to_torch(v, wrap) for k, v in value.items()}
    if isinstance(value, list):
        return [to_torch(v, wrap) for v in value]
    return wrap(value.copy()) if isinstance(value, np.ndarray) else value


@pytest.mark.slow
@NESTED
@given(value=VALUES, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_pickles_come_back(value, protocol, tmp_path):
    file = tmp_path / "a.pkl"
    file.write_bytes(pickle.dumps(value, protocol))
    same(read_foreign(file), value)


@NESTED
@given(
    value=VALUES,
    protocol=st.integers(2, pickle.HIGHEST_PROTOCOL),
    compress=st.sampled_from([0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)]),
)
def test_joblib_files_come_back(value, protocol, compress, tmp_path):
    file = tmp_path / "a.joblib"
    joblib.dump(value, file, compress=compress, protocol=protocol)
    same(read_foreign(file), value)


@NESTED
@given(value=TENSORS, zipped=st.booleans())
def test_torch_files_come_back(value, zipped, tmp_path):
    file = tmp_path / "a.pt"
    torch.save(to_torch(value), file, _use_new_zipfile_serialization=zipped)
    same(read_foreign(file), value)


@NESTED
@given(value=TENSORS, zipped=st.booleans())
def test_arrays_in_torch_files_come_back(value, zipped, tmp_path):
    file = tmp_path / "a.pth"
    torch.save(value, file, _use_new_zipfile_serialization=zipped)
    same(read_foreign(file), value)


@NESTED
@given(value=TENSORS, by=st.sampled_from(["pickle", "joblib"]))
def test_tensors_in_pickles_come_back(value, by, tmp_path):
    file = tmp_path / "a.pkl"
    held = to_torch(value)
    if by == "joblib":
        joblib.dump(held, file, compress=3)
    else:
        file.write_bytes(pickle.dumps(held))
    same(read_foreign(file), value)


@NESTED
@given(value=st.dictionaries(st.text(max_size=4), VALUES, max_size=3))
def test_npy_files_of_dicts_come_back(value, tmp_path):
    file = tmp_path / "a.npy"
    np.save(file, value)  # as np.save(dict) does: a 0-d array of objects
    same(read_foreign(file), value)


@NESTED
@given(arrays=st.dictionaries(st.text("abc", min_size=1, max_size=4), ARRAYS, max_size=3), packed=st.booleans())
def test_npz_files_come_back(arrays, packed, tmp_path):
    file = tmp_path / "a.npz"
    (np.savez_compressed if packed else np.savez)(file, x=np.zeros(1), o=np.array({"k": 1}, dtype=object), **arrays)
    got = read_foreign(file)
    assert got.pop("o") == {"k": 1}
    got.pop("x")
    same(got, arrays)


def test_views_parameters_and_small_floats(tmp_path):
    whole = torch.arange(24.0).reshape(4, 6)
    held = {"v": whole[1:, ::2].T, "p": torch.nn.Parameter(whole), "h": whole.bfloat16(), "size": whole.shape}
    held["dtype"], held["device"] = torch.float32, torch.device("cpu")
    for file, write in ((tmp_path / "a.pkl", lambda f: f.write_bytes(pickle.dumps(held))),
                        (tmp_path / "a.pt", lambda f: torch.save({k: held[k] for k in "vph"}, f))):  # fmt: skip
        write(file)
        got = read_foreign(file)
        for key in "vph":
            np.testing.assert_array_equal(got[key], held[key].detach().float().numpy())
    assert read_foreign(tmp_path / "a.pkl")["size"] == (4, 6)


def test_arrays_of_objects(tmp_path):
    ragged = np.empty(2, dtype=object)
    ragged[:] = [np.zeros(2), {"a": torch.ones(1)}]
    joblib.dump({"x": ragged}, tmp_path / "a.pkl", compress=3)
    np.save(tmp_path / "a.npy", ragged)
    for got in (read_foreign(tmp_path / "a.pkl")["x"], read_foreign(tmp_path / "a.npy")):
        same(got[0], np.zeros(2))
        same(got[1], {"a": np.ones(1, np.float32)})


def test_python_2_pickles(tmp_path):
    file = tmp_path / "a.pkl"
    # as cPickle of Python 2 wrote {'k': u'\xe9', 'n': 5L}
    file.write_bytes(b"\x80\x02}q\x01(U\x01kq\x02X\x02\x00\x00\x00\xc3\xa9q\x03U\x01nq\x04\x8a\x01\x05u.")
    assert read_foreign(file) == {"k": "é", "n": 5}


@pytest.mark.parametrize("blank", [b"", b" "])
def test_files_of_joblib_before_0_10(blank, tmp_path):
    """A z-file with a companion, and a plain pickle with one; the format is read off joblib's compatibility module."""
    import zlib

    want = np.arange(6.0).reshape(2, 3)

    def module(name, **classes):
        held = types.ModuleType(name)
        for key, kind in classes.items():
            kind.__module__, kind.__qualname__, kind.__name__ = name, key, key
            setattr(held, key, kind)
        return held

    class Companion:
        pass

    class Packed:
        pass

    def zfile(data):
        return b"ZF" + hex(len(data)).encode().ljust(19) + blank + zlib.compress(data)

    real = sys.modules["joblib.numpy_pickle"]
    sys.modules["joblib.numpy_pickle"] = module("joblib.numpy_pickle", NDArrayWrapper=Companion, ZNDArrayWrapper=Packed)
    try:
        plain, packed = Companion(), Packed()
        plain.__dict__.update(filename="a_01.npy", subclass=np.ndarray, allow_mmap=True)
        packed.__dict__.update(filename="a_02.npy.z", init_args=(np.ndarray, (0,), b"b"))
        packed.__dict__["state"] = (1, want.shape, want.dtype, False)
        content = pickle.dumps({"a": plain, "b": packed}, 2)
        plain.filename = "../a_01.npy"
        outside = pickle.dumps(plain, 2)
    finally:
        sys.modules["joblib.numpy_pickle"] = real
    np.save(tmp_path / "a_01.npy", want)
    (tmp_path / "a_02.npy.z").write_bytes(zfile(want.tobytes()))
    (tmp_path / "a.pkl").write_bytes(zfile(content))
    same(read_foreign(tmp_path / "a.pkl"), {"a": want, "b": want})
    (tmp_path / "a.pkl").write_bytes(outside)
    with pytest.raises(BadInput, match="outside the folder"):
        read_foreign(tmp_path / "a.pkl")


class Calls:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def _objects(held):
    out = np.empty(1, dtype=object)
    out[0] = held
    return out


WAYS = {
    "pickle": lambda f, x: f.write_bytes(pickle.dumps({"pose": x}, 2)),
    "joblib": lambda f, x: joblib.dump({"pose": x, "a": np.zeros(3)}, f, compress=3),
    "joblib objects": lambda f, x: joblib.dump({"pose": _objects(x)}, f),
    "npy": lambda f, x: f.write_bytes(_npy({"pose": x})),
    "npz": lambda f, x: f.write_bytes(_npz({"pose": x})),
    "torch": lambda f, x: torch.save({"pose": x}, f),
    "torch legacy": lambda f, x: torch.save({"pose": x}, f, _use_new_zipfile_serialization=False),
}


def _npy(held):
    stream = io.BytesIO()
    np.save(stream, _objects(held), allow_pickle=True)
    return stream.getvalue()


def _npz(held):
    stream = io.BytesIO()
    np.savez(stream, x=_objects(held))
    return stream.getvalue()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (os.system, ("touch {mark}",), "system"),
        (subprocess.Popen, (["touch", "{mark}"],), "Popen"),
        (eval, ("open('{mark}', 'w')",), "eval"),
        (getattr, (os, "system"), "getattr"),
        (np.load, ("x.npy",), "load"),
        (torch.load, ("x.pt",), "load"),
        (torch.hub.load, ("a/b", "c"), "load"),
        (map, (print, [1]), "map"),
    ],
)
def test_hostile_files_are_refused_by_name(way, function, arguments, named, tmp_path):
    mark = tmp_path / "ran"
    if function is getattr:
        arguments = ("", "join")
    filled = tuple([w.format(mark=mark) for w in a] if isinstance(a, list) and isinstance(a[0], str) else
                   a.format(mark=mark) if isinstance(a, str) else a for a in arguments)  # fmt: skip
    file = tmp_path / "bad"
    WAYS[way](file, Calls(function, *filled))
    with pytest.raises(BadInput, match=named) as caught:
        read_foreign(file)
    assert "refused" in str(caught.value) and str(file) in str(caught.value) and "\n" not in str(caught.value)
    assert not mark.exists()


def test_a_storage_cannot_smuggle_code(tmp_path):
    """The bytes of a tensor's storage are a torch file of their own: restricted too."""
    mark, inner = tmp_path / "ran", io.BytesIO()
    torch.save(Calls(os.system, f"touch {mark}"), inner, _use_new_zipfile_serialization=False)
    file = tmp_path / "a.pkl"
    file.write_bytes(pickle.dumps(Calls(torch.storage._load_from_bytes, inner.getvalue())))
    with pytest.raises(BadInput, match="system"):
        read_foreign(file)
    assert not mark.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (0, (10**6,), (1,)),
        (10**6, (1,), (1,)),
        (-8, (1,), (1,)),
        (0, (2, 2), (1,)),
        (0, (2,), (-1,)),
        (0, ("x",), (1,)),
        (0, 2, (1,)),
        (0, (2,), "1"),
        ("x", (2,), (1,)),
    ],
)
def test_a_tensor_stays_within_its_storage(arguments, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held = torch.zeros(2).storage()
        content = pickle.dumps(Calls(torch._utils._rebuild_tensor_v2, held, *arguments, False, OrderedDict()))
    file = tmp_path / "a.pkl"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.pkl"):
        read_foreign(file)


def test_a_dotted_name_and_a_stand_in_reach_nothing(tmp_path):
    file = tmp_path / "a.pkl"
    file.write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.")
    with pytest.raises(BadInput, match="refused"):
        read_foreign(file)


def test_a_small_file_cannot_grow(tmp_path):
    """Shared parts stay shared: 2^60 leaves on paper."""
    value: list = [0]
    for _ in range(60):
        value = [value, value]
    file = tmp_path / "a.pkl"
    file.write_bytes(pickle.dumps(value))
    assert len(read_foreign(file)) == 2
    value.append(value)
    file.write_bytes(pickle.dumps(value))
    with pytest.raises(BadInput, match="holds itself"):
        read_foreign(file)


def _good(folder: Path) -> list[Path]:
    held = {"pose": np.random.default_rng(0).normal(size=(40, 72)), "ids": np.arange(40)}
    files = [folder / name for name in ("a.pkl", "b.joblib", "c.joblib", "d.pt", "e.pth", "f.npy", "g.npz")]
    files[0].write_bytes(pickle.dumps(held))
    joblib.dump(held, files[1])
    joblib.dump(held, files[2], compress=3)
    torch.save(to_torch(held), files[3])
    torch.save(to_torch(held), files[4], _use_new_zipfile_serialization=False)
    np.save(files[5], held)
    np.savez(files[6], **held)
    return files


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.3, 0.99])
@pytest.mark.parametrize("index", range(7))
def test_truncated_files_are_named(index, kept, tmp_path):
    file = _good(tmp_path)[index]
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(BadInput, match=file.name) as caught:
        read_foreign(file)
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(index=st.integers(0, 6), at=st.floats(0, 1), byte=st.integers(0, 255))
def test_damaged_files_are_read_or_named(index, at, byte, tmp_path):
    file = _good(tmp_path)[index]
    content = bytearray(file.read_bytes())
    content[min(int(at * len(content)), len(content) - 1)] = byte
    file.write_bytes(content)
    try:
        read_foreign(file)
    except BadInput as error:
        assert file.name in str(error)


def test_other_files(tmp_path):
    with pytest.raises(MissingResource, match="nowhere"):
        read_foreign(tmp_path / "nowhere.pkl")
    (tmp_path / "text.pkl").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(BadInput, match=r"text\.pkl"):
        read_foreign(tmp_path / "text.pkl")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(BadInput, match="neither"):
        read_foreign(tmp_path / "a.zip")
