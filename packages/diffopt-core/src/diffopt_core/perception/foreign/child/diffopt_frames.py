"""The module that external scripts import: job, frames, progress, result, failure.

Runs in the tool's environment: Python 3.7 or newer, NumPy, nothing of DiffOpt. Importing it redirects standard input
and output, so that what the tool prints goes to standard error.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import zipfile


def job():
    """The job: plain data from the component."""
    return _ORDER["job"]


def count():
    """Number of frames."""
    return _header()["count"]


def frames():
    """Yield each frame, RGB uint8 ``H W 3``, upright, writable."""
    import numpy as np

    header = _header()
    for _ in range(header["count"]):
        frame = np.empty((header["height"], header["width"], 3), np.uint8)
        view = frame.data.cast("B")
        while len(view):
            got = _STDIN.readinto(view)
            if not got:
                _cut_short()
            view = view[got:]
        yield frame


def boxed(boxes, size, make):
    """Yield lists of at most ``size`` pairs (number, ``make(image, box)``) of the frames with a box; reports
    progress."""
    waiting = []
    for index, image in enumerate(frames()):
        if boxes[index] is not None:
            waiting.append((index, make(image, boxes[index])))
        if len(waiting) == size:
            yield waiting
            waiting = []
        progress(index + 1)
    if waiting:
        yield waiting


def progress(done, total=0):
    """Report progress; ``total`` defaults to the number of frames."""
    _tell(progress=[int(done), int(total)])


def save(**arrays):
    """Write the result: arrays by name."""
    save_as(sys.argv[2], **arrays)


def save_as(_path, **arrays):
    """Write arrays to another ``.npz``, atomically."""
    import numpy as np

    part = f"{_path}.{os.getpid()}.part"
    # not numpy.savez, whose argument names cannot be names of arrays
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(value), allow_pickle=False)
    os.replace(part, _path)


def fail(line):
    """End the script with the error ``line`` for the user."""
    _tell(fail=" ".join(str(line).split()))
    sys.exit(2)


def _header():
    if not _HEADER:
        line = _STDIN.readline()
        if not line:
            _cut_short()
        _HEADER.update(json.loads(line.decode()))
    return _HEADER


def _cut_short():
    # no video was given, or the parent could not read on (it reports why), or it died
    _tell(died="the frames ended early")
    sys.exit(3)


def _tell(**message):
    try:
        _CHANNEL.write(json.dumps(message) + "\n")
        _CHANNEL.flush()
    except OSError:  # the parent has ended
        os._exit(3)


def _died(kind, error, trace):
    sys.__excepthook__(kind, error, trace)
    if issubclass(kind, ImportError):
        _tell(missing="cannot import {} ({})".format(getattr(error, "name", None) or "a module", error))
    elif not issubclass(kind, KeyboardInterrupt):
        text = " ".join(str(error).split())
        _tell(died=f"{kind.__name__}: {text[:300]}" if text else kind.__name__)


def _check_modules():
    for name in _ORDER["modules"]:
        try:
            found = importlib.util.find_spec(name.split(".")[0]) is not None
        except (ImportError, ValueError):
            found = False
        if not found:
            _tell(missing="{} is not installed".format(name.split(".")[0]))
            sys.exit(2)


# files beside the script are modules of a DiffOpt package; the tool must not import its own `config` from there
_beside = os.path.dirname(os.path.abspath(sys.argv[0]))
sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _beside]
_HEADER: dict = {}
_STDIN = io.BufferedReader(io.FileIO(os.dup(0), "rb"), 1 << 20)
_CHANNEL = os.fdopen(os.dup(1), "w", encoding="utf-8")
_null = os.open(os.devnull, os.O_RDONLY)
os.dup2(_null, 0)
os.close(_null)
os.dup2(2, 1)
sys.excepthook = _died
with open(sys.argv[1], encoding="utf-8") as _file:
    _ORDER = json.load(_file)
_check_modules()
