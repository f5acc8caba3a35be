"""Foreign pickles build and alter nothing, and take no more than their size: one line each, in time and memory."""

from __future__ import annotations

import builtins
import bz2
import ctypes
import importlib
import io
import lzma
import os
import pickle
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
import torch
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput

#: As any other file of the program is read, in 2 GiB more than torch and numpy take; prints what came of it.
READ = """
import resource, sys
from pathlib import Path
import torch
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30),) * 2)
for name in sys.argv[1:]:
    try:
        read_foreign(Path(name))
        print("read")
    except BadInput as error:
        print("refused", len(str(error).splitlines()), *["for memory"] * ("MemoryError" in str(error)))
"""

P = b"\x80\x02"
NUMPY = b"cnumpy.core.numeric\n_frombuffer\n"
EIGHT = b"cnumpy\ndtype\nX\x02\x00\x00\x00%s\x89\x88\x87R"
BYTES = b"c_codecs\nencode\nX\x08\x00\x00\x00AAAAAAAAX\x06\x00\x00\x00latin1\x86R"
FLAGS = b"(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
FIELDS = (
    b"(K\x03X\x01\x00\x00\x00|NX\x01\x00\x00\x00a\x85}X\x01\x00\x00\x00a" + EIGHT % b"f8" + b"J\x00\x00\x00\x40\x86s"
)
FIELDS += b"K\x08K\x01K\x00tb"
LAUGHS = b"(" + b"G" * 1 + b"\x00" * 8 + b"l" + b"".join(b"q%c0(%sl" % (n, b"h%c" % n * 10) for n in range(12))


def _long(number: int) -> bytes:
    return b"\x8a\x08" + number.to_bytes(8, "little")


DOORS = {
    "objects from bytes": P + NUMPY + b"(" + BYTES
    + b"cnumpy\ndtype\nX\x01\x00\x00\x00O\x89\x88\x87R" + FLAGS + b"K\x01X\x01\x00\x00\x00CtR.",
    "fields beyond the bytes": P + NUMPY + b"(" + BYTES + EIGHT % b"V8" + FIELDS + b"K\x01X\x01\x00\x00\x00CtR.",
    "objects in a state": P
    + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85X\x01\x00\x00\x00b\x87R"
    + b"(K\x01K\x01\x85cnumpy\ndtype\nX\x01\x00\x00\x00O\x89\x88\x87R" + FLAGS + b"\x89" + BYTES + b"tb.",
    "more than its bytes": P + NUMPY + b"(" + BYTES + EIGHT % b"f8" + _long(1 << 40) + b"X\x01\x00\x00\x00CtR.",
    "a state for a function": P + NUMPY + b"N}X\x0c\x00\x00\x00__defaults__K\x07\x85s\x86b.",
    "an array by its class": P + b"cnumpy\nndarray\n" + _long(1 << 40) + b"\x85R.",
    "20 GB of nothing": P + b"cbuiltins\nbytearray\n" + _long(20_000_000_000) + b"\x85R.",
    "20 GB announced": b"\x80\x05\x96" + (20_000_000_000).to_bytes(8, "little") + b".",
    "a set of a range": P + b"cbuiltins\nset\ncbuiltins\nrange\n" + _long(10**10) + b"\x85R\x85R.",
    "laughs as text": P + b"cbuiltins\nstr\n" + LAUGHS + b"\x85R.",
    "laughs as a path": P + b"cpathlib\nPath\n" + LAUGHS + b"\x85R.",
    "a key of nested tuples": P + b"})" + b"\x85" * 200_000 + b"K\x01s.",
    "copies of copies": P + b"](" + b"K\x01" * 50_000 + b"eq\x00" + b"cbuiltins\nlist\nh\x00\x85R" * 5_000 + b".",
    "far in the memo": P + b"Nr\xff\xff\xff\x7f.",
    "another class's dtype": P + b"cnumpy\ndtype\nX\x04\x00\x00\x00i4,Oq\x00\x85R.",
}  # fmt: skip


def _zip(content: bytes) -> bytes:
    """The pickle as torch's zip."""
    stream = io.BytesIO()
    torch.save({"a": torch.zeros(1)}, stream)
    out = io.BytesIO()
    with zipfile.ZipFile(stream) as held, zipfile.ZipFile(out, "w") as made:
        for info in held.infolist():
            made.writestr(info.filename, content if info.filename.endswith("data.pkl") else held.read(info))
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("wrap", [bytes, _zip], ids=["pickle", "torch"])
def test_no_door_is_open(wrap, tmp_path):
    files = []
    for n, content in enumerate(DOORS.values()):
        files.append(tmp_path / f"{n}.pkl")
        files[-1].write_bytes(wrap(content))
    done = subprocess.run(
        [sys.executable, "-c", READ, *map(str, files)], capture_output=True, text=True, timeout=120, check=False
    )
    said = dict(zip(DOORS, done.stdout.splitlines(), strict=False))
    harmless = {"far in the memo": "read"} if wrap is bytes else {}
    want = {**dict.fromkeys(DOORS, "refused 1"), **harmless}
    said.setdefault("far in the memo", "")
    if wrap is _zip:
        want["far in the memo"] = said["far in the memo"]  # plain None, which torch may read
    assert said == want and done.returncode == 0, done.stderr


def test_nothing_is_left_behind(tmp_path):
    numeric = importlib.import_module("numpy._core.numeric" if int(np.__version__[0]) > 1 else "numpy.core.numeric")
    before = numeric._frombuffer.__defaults__
    file = tmp_path / "a.pkl"
    file.write_bytes(DOORS["a state for a function"])
    with pytest.raises(BadInput, match="state"):
        read_foreign(file)
    assert numeric._frombuffer.__defaults__ == before and np.dtype("O").hasobject


def test_a_tensor_of_a_zip_stays_within_its_storage(tmp_path):
    file = tmp_path / "a.pt"
    held = torch.zeros(4)
    torch.save(held, file)
    with zipfile.ZipFile(file) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    (name,) = [name for name in parts if name.endswith("data.pkl")]
    for old in (b"K\x00K\x04\x85", b"K\x04t"):  # the size of the tensor; the items of the storage
        assert old in parts[name]
        changed = parts[name].replace(old, old.replace(b"K\x04", b"J\x00\x00\x00\x40"))
        with zipfile.ZipFile(file, "w") as archive:
            for key, content in parts.items():
                archive.writestr(key, changed if key == name else content)
        with pytest.raises(BadInput, match="storage"):
            read_foreign(file)


@pytest.mark.parametrize("value", [np.array(["", "ab"]), np.array([b"x"]), np.arange(3, dtype=">i2"), np.str_("")])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_text_and_foreign_bytes_come_back(value, protocol, tmp_path):
    file = tmp_path / "a.pkl"
    file.write_bytes(pickle.dumps({"a": value, "b": value}, protocol))
    got = read_foreign(file)
    np.testing.assert_array_equal(got["a"], value)
    assert type(got["b"]) is type(value)


#: What pickles of strangers call to get at code, by module and name.
FAMILIES = """
os.system posix.system nt.system commands.getoutput subprocess.Popen subprocess.check_output builtins.eval
builtins.exec builtins.compile builtins.__import__ builtins.getattr builtins.open __builtin__.apply
builtins.breakpoint importlib.import_module importlib.reload runpy._run_code runpy.run_path pty.spawn
socket.create_connection shutil.rmtree webbrowser.open ctypes.CDLL ctypes.util.find_library marshal.loads
types.FunctionType types.CodeType functools.partial functools.reduce operator.attrgetter
operator.methodcaller pickle.loads _pickle.Unpickler copyreg.add_extension timeit.timeit cProfile.run
pdb.run code.interact codeop.compile_command pydoc.locate pydoc.pipepager bdb.Bdb trace.Trace
asyncio.subprocess.create_subprocess_shell multiprocessing.util.spawnv_passfds logging.config.dictConfig
concurrent.futures.ProcessPoolExecutor sqlite3.connect urllib.request.urlopen zipimport.zipimporter
site.main venv.create numpy.load numpy.fromfile numpy.memmap numpy.testing._private.utils.runstring
numpy.f2py.compile numpy.core.numeric.load torch.load torch.hub.load torch.jit.load torch.ops.load_library
torch._inductor.codecache.load torch.storage._load_from_file joblib.load pandas.read_pickle scipy.io.loadmat
pip.main pip._internal.main setuptools.setup IPython.embed dill.loads cloudpickle.loads yaml.unsafe_load
tensorflow.load_library keras.models.load_model sympy.sympify jinja2.Template models.network.Net
__main__.Theirs
""".split()  # noqa: SIM905


def _calls(name: str) -> dict[str, bytes]:
    """The name called with a text, in every way that there is of calling."""
    module, _, last = name.rpartition(".")
    named, text = f"c{module}\n{last}\n".encode(), b"X\x04\x00\x00\x00true"
    stack = b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, last)) + b"\x93"
    return {
        "reduce": named + text + b"\x85R", "new": named + text + b"\x85\x81", "inst": b"(" + text + b"i" + named[1:],
        "obj": b"(" + named + text + b"o", "stack": stack + text + b"\x85R", "build": named + b")\x81}b",
        "new by name": named + b")}\x92",
    }  # fmt: skip


@pytest.mark.parametrize("wrap", [bytes, _zip], ids=["pickle", "torch"])
def test_nothing_of_a_file_is_imported_or_called(wrap, tmp_path, monkeypatch):
    """Not even looked for: whatever could import, load or find a name fails here."""
    real, file = builtins.__import__, tmp_path / "a.pkl"
    contents = {
        f"{name} {way}": wrap(b"\x80\x04}X\x04\x00\x00\x00pose" + call + b"s.")
        for name in FAMILIES
        for way, call in _calls(name).items()
    }
    read_foreign(_saved(file, wrap(b"\x80\x02}.")))  # what is imported on the first use

    def imports(name, globals=None, *more):
        by = str((globals or {}).get("__name__"))
        assert by != "pickle" and (not by.startswith("diffopt_core") or more[-1] > 0), name  # ours: relative ones alone
        return real(name, globals, *more)

    def never(*_, **__):
        raise AssertionError("a door is open")

    for module, name in ((importlib, "import_module"), (torch, "load"), (pickle, "loads"), (pickle, "load"),
                         (pickle._Unpickler, "find_class"), (os, "system"), (subprocess, "Popen"),
                         (ctypes, "CDLL"), (np, "load")):  # fmt: skip
        monkeypatch.setattr(module, name, never)
    monkeypatch.setattr(builtins, "__import__", imports)
    for what, content in contents.items():
        name = what.partition(" ")[0].rpartition(".")[2]
        with pytest.raises((BadInput, ValueError), match=name):
            np.asarray(read_foreign(_saved(file, content))["pose"], np.float64)


def _saved(file, content):
    file.write_bytes(content)
    return file


def test_a_training_frameworks_objects_are_passed_over(tmp_path):
    """As trainers save them: an attribute dictionary, an optimizer's class as a key, a callback's state."""
    framework = b"cpl.parsing\nAttributeDict\n)\x81(X\x02\x00\x00\x00lrG?\x50\x62\x4d\xd2\xf1\xa9\xfcu}b"
    callback = b"cpl.callbacks\nModelCheckpoint\n}s"
    file = tmp_path / "a.ckpt"
    held = pickle.dumps({"state_dict": np.arange(3.0)}, 2)[2:-1]
    file.write_bytes(
        b"\x80\x02" + held + b"X\x05\x00\x00\x00hyper" + framework + b"s" + b"X\x02\x00\x00\x00cb}" + callback + b"s."
    )
    got = read_foreign(file)
    np.testing.assert_array_equal(got["state_dict"], np.arange(3.0))
    with pytest.raises(ValueError, match=r"pl\.parsing\.AttributeDict"):
        float(got["hyper"])
    file.write_bytes(b"\x80\x02" + framework + b".")
    with pytest.raises(BadInput, match=r"AttributeDict.*not run and is refused"):
        read_foreign(file)


def _bombs():
    """800 MB of nothing, in less than one."""
    zeros, million = bytes(1 << 20), 800
    packers = {"gzip": zlib.compressobj(1, wbits=31), "zlib": zlib.compressobj(1), "bz2": bz2.BZ2Compressor(1)}
    packers["xz"] = lzma.LZMACompressor(preset=0)
    for name, packer in packers.items():
        yield name, b"".join(packer.compress(zeros) for _ in range(million)) + packer.flush()
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a.npy", "w") as part,
    ):
        np.lib.format.write_array_header_1_0(part, {"descr": "|u1", "fortran_order": False, "shape": (million << 20,)})
        for _ in range(million):
            part.write(zeros)
    yield "npz", out.getvalue()


@pytest.mark.slow
def test_bombs_are_refused_before_they_go_off(tmp_path):
    files = [_saved(tmp_path / f"{name}.pkl", content) for name, content in _bombs()]
    code = READ.replace("2 << 30", "1 << 28")
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, files)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines() == ["refused 1"] * len(files), done.stderr
