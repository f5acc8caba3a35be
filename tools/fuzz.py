"""Mutated files of every format, read as the program reads them: what is a traceback, slow, a crash or not finite?

    python tools/fuzz.py OUT                         # every format, until stopped; again: goes on where it was
    python tools/fuzz.py OUT --only wham case --inputs 1000 --seed 3

Valid files come from the writers of the tests. Input i of a format depends on the seed, the format and i alone. Child
processes with limits on memory and time take some thousand inputs each; OUT holds ``table.json``, which is printed, and
of each kind of failure the first inputs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import pickle
import pickletools
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path += sorted({str(file.parent) for file in (ROOT / "tests").rglob("*.py")})
FRAMES, SLOW, MEMORY, CHUNK, SAVED = 12, 2.0, 1 << 30, 3000, 3
HUGE = 2**63
#: What came of an input, as a child tells it.
LETTERS = {
    "read": "r", "refused": "f", "door": "d", "TRACE": "T", "SLOW": "S", "NONFINITE": "N", "MULTILINE": "M",
    "CRASH": "C",
}  # fmt: skip


# ---- formats: a valid file, and what the program does with it ----


@dataclass(frozen=True)
class Format:
    """``make`` writes a valid file into a folder and gives what is opened; ``read`` opens it. ``beside``: files of the
    folder that stay as they are. ``share``: of the inputs, for what is slow to read."""

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    beside: tuple[str, ...] = ()
    share: float = 1.0


def context() -> Any:
    from diffopt_core.host.registry import Registry

    global _CONTEXT
    _CONTEXT = globals().get("_CONTEXT") or Registry.load().context()
    return _CONTEXT


def opened(path: Path, **roles: Any) -> Any:
    from diffopt_core.host.recipe import parse
    from diffopt_core.perception.perceive import open_clip

    return open_clip(path, parse(roles), context())


def component(role: str, name: str, path: Path, option: str = "file") -> Any:
    """What a component makes of a file, on a clip whose other evidence is at hand, through the doors of the walk.

    Whether it agrees with that other evidence is asked, too, and of no account: the seeds are of several people.
    """
    from diffopt_core.data.window import Evidence
    from diffopt_core.errors import BadInput
    from diffopt_core.host.contract import answers, hold
    from diffopt_core.host.testing import make_clip
    from diffopt_core.perception.plausible import judge

    clip, host = replace(make_clip(FRAMES), focal=1100.0, focal_from="--focal"), context().host
    with answers(host, role, name, path):
        built = context().build(role, name, {option: str(path)})
        if role == "detector":
            part = built.detect(clip)
        elif role == "camera":
            part = built.trajectory(clip, clip.observations)
        else:
            part = built.initialize(clip, clip.observations, clip.camera)
    hold(part, FRAMES, host, role, name, path)
    key = {"detector": "observations", "camera": "camera", "initializer": "body"}[role]
    whole = replace(clip, **{key: part})
    with contextlib.suppress(BadInput):
        judge(Evidence(whole, whole.observations, whole.camera, whole.body), clip.rest_joints)
    return part


def checkpoint(name: str, path: Path) -> Any:
    return prior(name, path, {"stats": str(path.parent)} if name == "mdm" else {})


def prior(name: str, path: Path, options: dict[str, Any] | None = None) -> Any:
    from diffopt_core.host.testing import make_problem

    global _PROBLEM
    _PROBLEM = globals().get("_PROBLEM") or make_problem(1, FRAMES, host=context().host)
    return _PROBLEM.build("prior", name, {"weights": str(path), **(options or {})})


def recipe_file(path: Path) -> Any:
    from diffopt_core.host.choice import Choice

    return Choice(str(path)).resolve(context().host)


def run_file(path: Path) -> Any:
    from diffopt_core.cli.repeat import planned

    return planned(path, (), (), False, None, False)[1]


def result(path: Path) -> Any:
    from diffopt_core.results.recover import load

    return load(path)


def table(path: Path) -> Any:
    from diffopt_lab.grid.plan import table as read

    return read(str(path), context().host.recipes)


def boxes(path: Path) -> Any:
    from diffopt_inits.vitpose.files import read_boxes
    from people_cases import clip_of

    return read_boxes(path, clip_of(FRAMES))


def scored(path: Path) -> Any:
    from diffopt_core.parts.metrics.report import scored_from_files

    return scored_from_files(path / "motion.npz", path / "truth.npz").pred


def smpl(path: Path) -> Any:
    from diffopt_core.parts.bodies.smpl import read_model

    return read_model(path)


def make_case(folder: Path, name: str = "case.npz") -> Path:
    from diffopt_core.host.testing import make_clip
    from diffopt_core.parts.datasets.case_file import arrays_of, write_case

    clip = make_clip(FRAMES)
    truth = {"joints": clip.truth.joints.numpy(), "good": np.ones(FRAMES, bool)}
    truth |= {"cam_R": clip.camera.R.numpy(), "cam_t": clip.camera.t.numpy(), "cam_focal": clip.camera.focal.numpy()}
    write_case(folder / name, arrays_of(clip), truth)
    return folder / name


def make_landmarks(folder: Path) -> Path:
    from init_cases import landmark_arrays

    np.savez(folder / "a.landmarks.npz", **landmark_arrays(FRAMES))
    return folder / "a.landmarks.npz"


def make_amass(folder: Path) -> Path:
    draw = np.random.default_rng(0)
    pose, trans = draw.normal(0, 0.3, (FRAMES, 156)), draw.normal(size=(FRAMES, 3))
    np.savez(folder / "a.npz", poses=pose, trans=trans, betas=np.zeros(16), mocap_framerate=30.0, gender="male")
    return folder / "a.npz"


def make_shard(folder: Path) -> Path:
    draw = np.random.default_rng(0)
    pose, trans = draw.normal(0, 0.3, (FRAMES, 24, 3)), draw.normal(size=(FRAMES, 3))
    np.savez(folder / "a.npz", poses=pose, trans=trans, starts=np.array([0, FRAMES]), names=np.array(["x"]), fps=30.0)
    (folder / "skeleton.json").write_text(json.dumps({"offsets": draw.normal(0, 0.2, (24, 3)).tolist()}))
    return folder / "a.npz"


def make_result(folder: Path) -> Path:
    from diffopt_core.host.testing import make_result as sample
    from diffopt_core.results.folder import ResultFolder, run_json

    made = sample(FRAMES)
    made = replace(made, provenance=made.provenance | {"batch": ["case.npz"], "versions": {"torch": "0"}})
    exporters = [context().build("exporter", name) for name in ("npz", "evidence")]
    from diffopt_core.host.choice import Choice

    plan = run_json(replace(made, recipe=Choice("paper").resolve(context().host).dump()), (), 0, "cpu", "0")
    ResultFolder(folder / "out").write(made, exporters, plan)
    return folder / "out"


def make_run(folder: Path) -> Path:
    import hashlib

    case = make_case(folder, "sticks.npz")
    out = make_result(folder)
    saved = json.loads((out / "run.json").read_text())
    saved |= {"inputs": [str(case)], "sha256": hashlib.sha256(case.read_bytes()).hexdigest()}
    (out / "run.json").write_text(json.dumps(saved))
    return out / "run.json"


def make_motion(folder: Path) -> Path:
    return make_result(folder) / "motion.npz"


def make_recipe(folder: Path) -> Path:
    from diffopt_core.common.documents import dumps
    from diffopt_core.host.choice import Choice

    (folder / "a.toml").write_text(dumps(Choice("best").resolve(context().host).dump()))
    return folder / "a.toml"


def make_table(folder: Path) -> Path:
    text = (ROOT / "plugins/diffopt-lab/src/diffopt_lab/grid/tables/table5.toml").read_text()
    (folder / "a.toml").write_text(text)
    return folder / "a.toml"


def make_weights(name: str, where: str, folder: Path) -> Path:
    for end in ("json", "safetensors"):
        shutil.copy(ROOT / where / f"{name}.{end}", folder)
    return folder / f"{name}.safetensors"


def make_people(writer: Callable[..., Path], folder: Path) -> Path:
    from reader_cases import make

    return writer(make(n=FRAMES), folder)


def make_sam3d(end: str, folder: Path) -> Path:
    from reader_cases import make
    from test_sam3d import people

    frames = [[one] for one in people(make(n=FRAMES))[0]]
    plain = [[{k: np.asarray(v).tolist() for k, v in one.items() if v is not None}] for (one,) in frames]
    (folder / f"a.{end}").write_bytes(pickle.dumps(frames) if end == "pkl" else json.dumps(plain).encode())
    return folder / f"a.{end}"


def sam3d(path: Path) -> Any:
    """The file alone: the initializer solves for poses besides."""
    from diffopt_formats.sam3d import read

    return read(path)


def make_camera(name: str, writer: Callable[..., None], folder: Path) -> Path:
    from droid_files import known_path

    writer(folder / name, known_path(FRAMES))
    return folder / name


def make_keypoints(writer: str, folder: Path) -> Path:
    import test_vitpose_files

    return getattr(test_vitpose_files, writer)(folder / "a")


def make_points(kind: str, folder: Path) -> Path:
    """Keypoints as lists of people (AlphaPose's and COCO's results, COCO's annotations) and of other layouts."""
    from people_cases import person

    count = {"halpe": 26, "wholebody": 133}.get(kind, 17)
    points = person(FRAMES, count, 120, (10, 20), 1)
    if kind in ("halpe", "wholebody"):
        np.save(folder / "a.npy", points)
        return folder / "a.npy"
    if kind == "scores":
        np.savez(folder / "a.npz", keypoints=points[..., :2], scores=points[..., 2])
        return folder / "a.npz"
    rows = [{"keypoints": row.ravel().tolist(), "score": 1.0, "image_id": i} for i, row in enumerate(points)]
    images = [{"id": i, "file_name": f"{i}.jpg"} for i in range(FRAMES)]
    held = {"images": images, "annotations": rows} if kind == "coco" else rows
    (folder / "a.json").write_text(json.dumps(held))
    return folder / "a.json"


def make_openpose(folder: Path) -> Path:
    import test_openpose
    from people_cases import person

    return test_openpose.write(folder / "json", person(FRAMES, 25, 200, (9, 9)))


def make_boxes(folder: Path) -> Path:
    np.save(folder / "a.npy", np.tile([1.0, 2.0, 30.0, 40.0], (FRAMES, 1)))
    return folder / "a.npy"


def make_scored(folder: Path) -> Path:
    make_result(folder)
    shutil.copy(folder / "out/motion.npz", folder / "truth.npz")
    shutil.move(folder / "out/motion.npz", folder / "motion.npz")
    shutil.rmtree(folder / "out")
    return folder


def make_smpl(folder: Path) -> Path:
    from emdb_cases import stand_in

    held = stand_in("neutral")
    held["posedirs"] = held["posedirs"].astype(np.float32)
    np.savez_compressed(folder / "SMPL_NEUTRAL.npz", **held)
    return folder / "SMPL_NEUTRAL.npz"


def make_checkpoint(name: str, folder: Path) -> Path:
    """What the authors of a prior publish, small where that is allowed."""
    import torch

    if name == "mdm":
        from test_prior_official import _small

        (folder / "args.json").write_text('{"diffusion_steps": 50, "arch": "trans_enc", "dataset": "humanml"}')
        np.save(folder / "Mean.npy", np.zeros(263, np.float32))
        np.save(folder / "Std.npy", np.ones(263, np.float32))
        torch.save(_small(), folder / "model000475000.pt")
        return folder / "model000475000.pt"
    if name == "humor":
        from humor_cases import tiny_model

        torch.save({"model": tiny_model().state_dict(), "epoch": 3, "optim": {"state": {}}}, folder / "best_model.pth")
        return folder / "best_model.pth"
    if name == "vposer":
        from vposer_cases import network, published

        state = {f"vp_model.{key}": value for key, value in published(network("v2")).items()}
        torch.save({"epoch": 13, "state_dict": state, "optimizer_states": [{"state": {}}]}, folder / "a.ckpt")
        return folder / "a.ckpt"
    from test_smplify_gmm import parts

    (folder / "gmm_08.pkl").write_bytes(pickle.dumps(parts(), protocol=2))
    return folder / "gmm_08.pkl"


def make_video(folder: Path) -> Path:
    from video_cases import write_video

    return write_video(folder / "a.mp4", FRAMES)


def make_emdb(folder: Path) -> Path:
    from emdb_cases import sequence, stand_in, write

    models = {gender: stand_in(gender) for gender in ("female",)}
    np.savez_compressed(folder / "SMPL_FEMALE.npz", **models["female"])
    os.environ["DIFFOPT_SMPL"] = str(folder)
    return write(folder, sequence(models, frames=FRAMES)[0])


def formats() -> dict[str, Format]:
    """The one table."""
    from droid_files import WRITERS
    from reader_cases import TOOLS

    core, inits = "packages/diffopt-priors/src/diffopt_priors/weights", "packages/diffopt-inits/src/diffopt_inits"
    made = {
        "case": Format(make_case, opened),
        "landmarks": Format(make_landmarks, opened),
        "amass": Format(make_amass, opened),
        "shard": Format(make_shard, opened),
        "motion": Format(make_motion, partial(opened, dataset="amass"), ("run.json", "evidence.npz")),
        "result": Format(make_result, result),
        "recipe": Format(make_recipe, recipe_file),
        "run.json": Format(make_run, run_file, ("motion.npz", "evidence.npz", "sticks.npz"), 0.3),
        "table": Format(make_table, table, share=0.3),
        "scored": Format(make_scored, scored),
        "boxes": Format(make_boxes, boxes),
        "smpl": Format(make_smpl, smpl, share=0.02),
        "emdb": Format(make_emdb, partial(opened, dataset="emdb"), ("SMPL_FEMALE.npz",)),
        "video": Format(make_video, partial(opened, dataset="video"), share=0.1),
        "init sam3d": Format(partial(make_sam3d, "pkl"), partial(component, "initializer", "sam3d"), share=0.02),
        "sam3d pickle": Format(partial(make_sam3d, "pkl"), sam3d),
        "sam3d json": Format(partial(make_sam3d, "json"), sam3d),
        "keypoints openpose": Format(make_openpose, partial(component, "detector", "openpose")),
        "weights lift": Format(
            partial(make_weights, "lift_open", f"{inits}/lift/weights"),
            partial(component, "initializer", "lift", option="weights"),
            share=0.05,
        ),
    }
    for name in ("mdm", "humor", "vposer"):
        made[f"weights {name}"] = Format(partial(make_weights, f"{name}_open", core), partial(prior, name), share=0.02)
    for name, share in {"mdm": 0.1, "humor": 0.1, "vposer": 0.02, "gmm": 0.2}.items():
        made[f"checkpoint {name}"] = Format(partial(make_checkpoint, name), partial(checkpoint, name), share=share)
    cameras = context().host.components["camera"]
    for name, (writer, *_) in TOOLS.items():
        known = {"gem": "gvhmr"}.get(name, name)
        made[f"init {name}"] = Format(partial(make_people, writer), partial(component, "initializer", known))
        if known in cameras:
            made[f"camera of {name}'s result"] = Format(
                partial(make_people, writer), partial(component, "camera", known)
            )
    for name, (file, writer, _) in WRITERS.items():
        made[f"camera {name}"] = Format(partial(make_camera, file, writer), partial(component, "camera", "droid"))
    for writer in ("array", "gvhmr", "wham", "mmpose0", "mmpose0_unnamed", "mmpose1"):
        made[f"keypoints {writer}"] = Format(partial(make_keypoints, writer), partial(component, "detector", "vitpose"))
    for kind in ("alphapose", "coco", "halpe", "wholebody", "scores"):
        made[f"keypoints {kind}"] = Format(partial(make_points, kind), partial(component, "detector", "vitpose"))
    return made


# ---- what files hold, as trees of plain data, and back ----


def load(data: bytes) -> tuple[str, Any]:
    """Kind of a file and what it holds; files are our own here."""
    import joblib
    import torch

    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(name.endswith("data.pkl") for name in archive.namelist()):
                return "torch", torch.load(io.BytesIO(data), weights_only=False)
        with np.load(io.BytesIO(data), allow_pickle=True) as held:
            return "npz", dict(held)
    if data.startswith(b"\x93NUMPY"):
        held = np.load(io.BytesIO(data), allow_pickle=True)
        return "npy", held.item() if held.dtype == object and held.ndim == 0 else held
    if data[:1] in (b"{", b"["):
        return "json", json.loads(data)
    if data[8:9] == b"{":
        size = struct.unpack("<Q", data[:8])[0]
        return "safetensors", {"header": json.loads(data[8 : 8 + size]), "data": data[8 + size :]}
    if data[:1] in (b"\x80", b"\x78", b"\x1f"):
        return "pickle", joblib.load(io.BytesIO(data))
    with contextlib.suppress(UnicodeDecodeError):
        return "text", data.decode().splitlines()
    return "bytes", data


def dump(kind: str, tree: Any, draw: random.Random) -> bytes:
    """What :func:`load` gave, changed since, as a file again."""
    import joblib
    import torch

    out = io.BytesIO()
    if kind == "torch":
        torch.save(tree, out, _use_new_zipfile_serialization=draw.random() < 0.8)
    elif kind == "npz":
        tree = tree if isinstance(tree, dict) else {"a": tree}
        (np.savez if draw.random() < 0.8 else np.savez_compressed)(out, **{str(k): array(v) for k, v in tree.items()})
    elif kind == "npy":
        np.save(out, array(tree), allow_pickle=True)
    elif kind == "json":
        out.write(json.dumps(tree, default=str).encode())
    elif kind == "safetensors":
        header = json.dumps(tree["header"], default=str).encode()
        out.write(struct.pack("<Q", len(header)) + header + tree["data"])
    elif kind == "pickle" and draw.random() < 0.5:
        joblib.dump(tree, out, compress=draw.choice((0, 0, 3, ("gzip", 3), ("bz2", 3))))
    elif kind == "pickle":
        out.write(pickle.dumps(tree, draw.choice((0, 2, 4, 5))))
    else:
        out.write("\n".join(map(str, tree)).encode(errors="replace"))
    return out.getvalue()


def array(value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError:
        out = np.empty((), object)
        out[()] = value
        return out


# ---- mutations ----

SCALARS: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2.5, float("nan"), float("inf"), -float("inf"), 1e300, 1e-300, HUGE, -HUGE, 2**70, "", "x",
    "nan", "../../x", "\0", "x" * 5000, "ü\ud800", b"", b"\xff" * 9, [], {}, (), [[1, 2], [3]], {"a": {}}, [None] * 3,
)  # fmt: skip
TYPES = ("f2", "f4", "f8", ">f8", "i1", "i4", "i8", "u1", "u8", "?", "c8", "S3", "U3", "O", "M8[s]", "m8[D]", "V3")


def places(tree: Any, depth: int = 0) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    found: list[tuple[Any, Any]] = []
    if depth < 8 and isinstance(tree, dict | list):
        items = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
        for key, value in items[:60]:
            found.append((tree, key))
            found += places(value, depth + 1)
    return found


def mutate_tree(tree: Any, draw: random.Random) -> Any:
    holder = {"root": tree}
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        inside = [(c, k) for c, k in places(holder) if not (c is holder and draw.random() < 0.7)] or [(holder, "root")]
        held, key = draw.choice(inside)
        with contextlib.suppress(KeyError, IndexError, TypeError, ValueError, OverflowError):
            change(held, key, draw)
    return holder.get("root")


def change(held: Any, key: Any, draw: random.Random) -> None:
    value = held[key]
    if draw.random() < 0.55 and hasattr(value, "shape"):
        held[key] = mutate_array(value, draw)
        return
    if draw.random() < 0.4 and isinstance(value, str) and " " in value:
        words = value.split(" ")
        words[draw.randrange(len(words))] = str(draw.choice(SCALARS))[:40]
        held[key] = " ".join(words)
        return
    what = draw.randrange(9)
    if what == 0 and isinstance(held, dict | list):
        del held[key]
    elif what == 1 and isinstance(held, dict):
        held[draw.choice((f"{key}_", str(key).upper(), 0, None, "", ("a", 1)))] = held.pop(key)
    elif what == 2:
        other = draw.choice(list(held)) if isinstance(held, dict) else draw.randrange(len(held))
        held[key], held[other] = held[other], held[key]
    elif what == 3 and isinstance(held, list):
        held.insert(draw.randrange(len(held) + 1), deepcopy(value))
    elif what == 4:
        held[key] = draw.choice(
            ([value], {"a": value}, (value, value), [value] * 50, {str(i): value for i in range(9)})
        )
    elif what == 5:
        for _ in range(draw.choice((3, 30, 90))):
            value = [value] if draw.random() < 0.5 else {"a": value}
        held[key] = value
    elif what == 6 and isinstance(value, int | float):
        held[key] = value * draw.choice((-1, 0, 1e3, 1e-3, 1e30, 1e200)) + draw.choice((0, 1, 0.5))
    else:
        held[key] = draw.choice(SCALARS)


def mutate_array(value: Any, draw: random.Random) -> Any:
    import torch

    tensor = isinstance(value, torch.Tensor)
    a = np.array(value.numpy() if tensor else value)
    what = draw.randrange(8)
    if what == 0:
        a = a.astype(draw.choice(TYPES))
    elif what == 1:
        a = a.reshape(draw.choice((-1, (1,) * draw.randrange(1, 29) + a.shape, (*a.shape, 1), a.shape[::-1])))
    elif what == 2 and a.ndim:
        n = draw.choice((0, 1, 2, len(a) - 1, len(a) // 2))
        a = draw.choice((a[:n], a[n:], a[::-1], np.concatenate([a, a]), np.repeat(a, 3, -1), a[..., :n], a[..., :0]))
    elif what == 3 and a.size:
        flat = a.reshape(-1)
        for _ in range(draw.choice((1, 1, 3, a.size))):
            special = (np.nan, np.inf, -np.inf, 1e38, 3e38, 1e300, -1e300, 1e-40, 0, -1, 2**31, 2**62)
            flat[draw.randrange(a.size)] = draw.choice(special)
    elif what == 4 and a.dtype.kind in "fiu":
        with np.errstate(all="ignore"):
            a = a * draw.choice((0, -1, 1e3, 1e-3, 1e30, 1e37, 1e150, np.nan))
    elif what == 5 and a.ndim > 1:
        axes = list(range(a.ndim))
        draw.shuffle(axes)
        a = a.transpose(axes)
    elif what == 6:
        a = np.broadcast_to(a, (draw.choice((0, 1, 3, 100)), *a.shape)).copy()
    else:
        return draw.choice(SCALARS)
    with contextlib.suppress(TypeError, ValueError):
        return torch.from_numpy(np.ascontiguousarray(a)) if tensor else a
    return a


GADGETS = (
    b"cos\nsystem\n(S'true'\ntR", b"cbuiltins\neval\n(S'1'\ntR", b"cnumpy\ndtype\n(S'O'\ntR", b"c__main__\nX\n)\x81",
    b"cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R", b"cnumpy.core.multiarray\n_reconstruct\n", b"cnet\nNet\n)\x81}b",
    b"(" * 5000, b"]" * 5000, b"0", b"1", b"2", b"b", b"R", b"\x85", b"\x93", b"q\x00", b"r\xff\xff\xff\x7f", b"h\x00",
    b"}", b"]", b"N",
)  # fmt: skip


def mutate_opcodes(data: bytes, draw: random.Random) -> bytes:
    """One opcode of a pickle left out, doubled, or another one before it."""
    marks = [at for _, _, at in pickletools.genops(data) if at is not None]
    n = draw.randrange(len(marks))
    start, stop = marks[n], marks[n + 1] if n + 1 < len(marks) else len(data)
    new = draw.choice((b"", data[start:stop] * 2, draw.choice(GADGETS) + data[start:stop], draw.choice(GADGETS)))
    return data[:start] + new + data[stop:]


def mutate_bytes(data: bytes, draw: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8))):
        at = draw.randrange(len(out) or 1)
        size = draw.choice((1, 1, 4, 8, 100, len(out)))
        what = draw.randrange(6)
        if what == 0:
            del out[at:]
        elif what == 1:
            del out[at : at + size]
        elif what == 2:
            out[at : at + 1] = bytes([draw.randrange(256)])
        elif what == 3:
            out[at:at] = out[at : at + size] if size < 1000 else b"\0" * size
        elif what == 4:
            out[at : at + 8] = draw.choice(
                (b"\xff" * 8, b"\0" * 8, struct.pack("<Q", 1 << draw.randrange(64)), b"\x7f" * 8)
            )
        else:
            start = draw.randrange(min(len(out), 300) or 1)
            out[start : start + 1] = bytes([draw.randrange(32, 127)])  # headers are at the start
    return bytes(out)


def mutate_zip(data: bytes, draw: random.Random) -> bytes:
    """One part left out, doubled, renamed, damaged, announced larger, compressed otherwise, or a bomb."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [[info.filename, archive.read(info), zipfile.ZIP_STORED] for info in archive.infolist()]
    part = draw.choice(parts)
    what = draw.randrange(8)
    if what == 5 and draw.random() < 0.95:  # packing a bomb takes longer than reading a hundred files
        what = 3
    if what == 0:
        parts.remove(part)
    elif what == 1:
        parts.append(list(part))
    elif what == 2:
        part[0] = draw.choice(
            ("../x.npy", "/x.npy", "", part[0] + ".npy", "a\0.npy", part[0].upper(), "x" * 4000 + ".npy")
        )
    elif what == 3 and draw.random() < 0.5 and part[1][:1] == b"\x80":
        part[1] = mutate_opcodes(part[1], draw)
    elif what == 3:
        part[1] = mutate_bytes(part[1], draw)
    elif what == 4:
        part[2] = draw.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    elif what == 5:
        part[1], part[2] = part[1] + bytes(100_000_000), zipfile.ZIP_DEFLATED
    elif what == 6 and part[1].startswith(b"\x93NUMPY"):
        part[1] = mutate_header(part[1], draw)
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")
        for name, content, method in parts:
            archive.writestr(name, content, method, 1)
    made = bytearray(out.getvalue())
    if what == 7:  # the directory lies: flags, method, sizes
        at = made.rfind(b"PK\x01\x02")
        field = draw.choice((8, 10, 20, 24, 42))
        made[at + field : at + field + 4] = draw.choice((b"\1\0\0\0", b"\xff\xff\xff\x7f", b"\x63\0\0\0", b"\0\0\0\0"))
    return bytes(made)


HEADERS = (
    b"'<f8'", b"'|O'", b"'<V9'", b"[('a','<f8'),('b','O')]", b"{'names':['a'],'formats':['O'],'offsets':[9999]}",
    b"'<f8,<f8'", b"'<M8[s]'", b"(" * 3000, b"1+1", b"10**10**10", b"'<U999999999'", b"None", b"'<f3'", b"[[[[[[[",
)  # fmt: skip


def mutate_header(data: bytes, draw: random.Random) -> bytes:
    size = struct.unpack("<H", data[8:10])[0]
    header = data[10 : 10 + size]
    if draw.random() < 0.5:
        start = header.find(b"'descr':") + 9
        stop = header.find(b", 'fortran")
        header = header[:start] + draw.choice(HEADERS) + header[stop:]
    else:
        start = header.find(b"'shape': (") + 10
        sizes = (b"-1,", b"1,", b"99999999999,", b"0," * 40, b"4294967296,4294967296,", b"1.5,", b"True,", b"'a',")
        header = header[:start] + draw.choice(sizes) + header[start:]
    return data[:8] + struct.pack("<H", len(header) % 65536) + header + data[10 + size :]


DEEP = (
    "[" * 100_000, '{"a":' * 50_000, "9" * 5000, "1e999", "NaN", "-Infinity", '"\\ud800"', "a" + ".a" * 5000 + " = 1",
    "a = " + "[" * 5000, "a = 1979-05-27", "a = 0x" + "f" * 400, "a = inf", "extends = ['a.toml']", "[[a]]\n[a]",
    "\ufeff", "\0",
)  # fmt: skip


def mutate_text(data: bytes, draw: random.Random) -> bytes:
    """A line or number replaced, doubled, left out; depth; another encoding."""
    text = data.decode(errors="replace")
    lines = text.splitlines() or [""]
    n = draw.randrange(len(lines))
    what = draw.randrange(7)
    if what == 0:
        del lines[n]
    elif what == 1:
        lines.insert(draw.randrange(len(lines)), lines[n])
    elif what in (2, 3):
        words = lines[n].split(" ")
        words[draw.randrange(len(words))] = draw.choice(
            ("nan", "inf", "-1", "1e400", "0", "x", "", "9" * 400, '"a"', "[1]", "{}", "true")
        )
        lines[n] = " ".join(words)
    elif what == 4:
        lines[n] = lines[n].replace("=", draw.choice(("==", ":", " ")), 1)
    elif what == 5:
        lines.insert(n, draw.choice(DEEP))
    else:
        return "\n".join(lines).encode(draw.choice(("utf-16", "utf-8-sig", "utf-32")), errors="replace")
    return "\n".join(lines).encode(errors="replace")


def bomb(draw: random.Random) -> bytes:
    zeros = bytes(1 << 20)
    packer = zlib.compressobj(1, wbits=draw.choice((15, 31)))
    return b"".join(packer.compress(zeros) for _ in range(draw.choice((100, 300)))) + packer.flush()


def mutated(data: bytes, held: tuple[str, Any], draw: random.Random) -> bytes:
    """One input. Four in ten are sound files of unsound content, some are both."""
    kind, tree = held
    what = draw.random()
    if what < 0.001:
        return draw.choice(
            (b"", bomb(draw), b"\0" * 1000, b"PK\x03\x04", b"\x80\x04.", b"<html>", b"version https://git-lfs")
        )
    if what < 0.6 and kind not in ("text", "bytes"):
        data = dump(kind, mutate_tree(deepcopy(tree), draw), draw)
        if draw.random() < 0.9:
            return data
    if kind in ("npz", "torch") and data[:2] == b"PK" and draw.random() < 0.7:
        return mutate_zip(data, draw)
    if kind == "npy" and draw.random() < 0.4:
        return mutate_header(data, draw)
    if kind == "pickle" and data[:1] == b"\x80" and draw.random() < 0.6:
        with contextlib.suppress(ValueError):
            return mutate_opcodes(data, draw)
    if kind in ("json", "text") and draw.random() < 0.8:
        return mutate_text(data, draw)
    return mutate_bytes(data, draw) if data else data


# ---- one input, one child, all of them ----


class TooLong(BaseException):
    """The time of an input is up."""


def unsound(value: Any, where: str = "", depth: int = 0) -> str | None:
    """The first place of what was read that is not finite. What is scored against may have gaps."""
    if depth > 6 or where.endswith((".truth", ".metrics", ".log", ".recipe", ".provenance", ".facts", ".extra")):
        return None
    if hasattr(value, "isfinite") and callable(value.isfinite):
        return None if bool(value.isfinite().all()) else where
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return None if np.isfinite(value).all() else where
    if isinstance(value, float):
        return None if np.isfinite(value) else where
    parts: Any = ()
    if is_dataclass(value):
        parts = ((f".{f.name}", getattr(value, f.name)) for f in fields(value))
    elif isinstance(value, dict):
        parts = ((f".{key}", item) for key, item in value.items())
    elif isinstance(value, list | tuple) and len(value) < 50:
        parts = ((f"[{n}]", item) for n, item in enumerate(value))
    return next(filter(None, (unsound(item, where + name, depth + 1) for name, item in parts)), None)


def where_from(error: BaseException) -> str:
    """Type, file and line of the innermost frame of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "diffopt" in frame.filename] or frames[-1:]
    return f"{type(error).__name__}_{Path(ours[-1].filename).name}_{ours[-1].lineno}" if ours else type(error).__name__


def outcome(read: Callable[[Path], Any], path: Path) -> tuple[str, float]:
    """What came of one file, and the CPU seconds that it took."""
    from diffopt_core.errors import DiffOptError

    def stop(*_: Any) -> None:
        raise TooLong

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, 5 * SLOW)
    began = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(began + 20 * SLOW), resource.RLIM_INFINITY))  # what heeds no signal
    try:
        value = read(path)
        place = unsound(value)
        told = f"NONFINITE_{place}" if place else "read"
    except DiffOptError as error:
        told = "MULTILINE" if "\n" in str(error) else "door" if " cannot be read (" in str(error) else "refused"
    except TooLong:
        told = "SLOW"
    except BaseException as error:
        told = f"TRACE_{where_from(error)}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    spent = time.process_time() - began
    return ("SLOW" if spent > SLOW else told), spent


def child(name: str, seed: int, first: int, count: int, out: Path) -> None:
    """Do some inputs of a format; a letter for what came of each, and a line of JSON at the end."""
    warnings.simplefilter("ignore")
    import logging

    import torch

    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    spec, most = formats()[name], 0.0
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk is waited for at every input
    with tempfile.TemporaryDirectory(dir=in_memory) as temporary:
        folder = Path(temporary)
        opens = spec.make(folder)
        files = sorted(f for f in folder.rglob("*") if f.is_file() and f.name not in spec.beside and f.stat().st_size)
        seeds = [(file, file.read_bytes(), load(file.read_bytes())) for file in files]
        told, _ = outcome(spec.read, opens)
        if told != "read":
            raise SystemExit(f"{name}: the valid file is {told}")
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY,) * 2)
        for index in range(first, first + count):
            draw = random.Random(f"{seed} {name} {index}")
            file, data, held = draw.choice(seeds)
            try:
                with np.errstate(all="ignore"):
                    new = mutated(data, held, draw)
            except Exception:  # what cannot be written as such a file
                new = mutate_bytes(data, draw)
            file.write_bytes(new)
            told, spent = outcome(spec.read, opens)
            most = max(most, spent)
            if told not in ("read", "refused", "door"):
                kept(folder, out, told, index)
            file.write_bytes(data)
            print(LETTERS[told.partition("_")[0]], end="", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print("\n" + json.dumps({"slowest": round(most, 2), "peak": peak}))


def kept(folder: Path, out: Path, told: str, index: int) -> None:
    place = out / told.replace("/", "_")
    if len(list(place.glob("*"))) < SAVED:
        shutil.copytree(folder, place / str(index), dirs_exist_ok=True)


def chunk(name: str, seed: int, first: int, count: int, out: Path) -> tuple[int, dict[str, Any]]:
    """How many inputs a child did, and what came of them; one that dies costs the input that it was at."""
    sys.stdout.flush()
    receive, send = os.pipe()
    if not (pid := os.fork()):
        status = 1
        try:
            os.dup2(send, 1)
            child(name, seed, first, count, out)
            sys.stdout.flush()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(send)
    with os.fdopen(receive) as stream:
        letters, _, end = stream.read().partition("\n")
    _, code = os.waitpid(pid, 0)
    words = {letter: word for word, letter in LETTERS.items()}
    tallies = Counter(words[letter] for letter in letters)
    if code == 0:
        return len(letters), {"tallies": tallies, **json.loads(end)}
    if os.waitstatus_to_exitcode(code) > 0:
        raise SystemExit(f"{name}: the child failed at input {first + len(letters)}")
    print(f"{name}: input {first + len(letters)} ended the child ({code})", file=sys.stderr)
    return len(letters) + 1, {"tallies": tallies + Counter(CRASH=1), "slowest": 0, "peak": 0}


def show(table: dict[str, Any]) -> None:
    heads = ("inputs", "read", "by door", "trace", "slow", "crash", "nan", "lines", "most s", "MiB")
    print(f"{'format':28}" + "".join(f"{head:>9}" for head in heads))
    total = Counter[str]()
    for name, row in sorted(table.items()):
        t = Counter(row["tallies"])
        total.update(t)
        told = (t[key] for key in ("read", "door", "TRACE", "SLOW", "CRASH", "NONFINITE", "MULTILINE"))
        columns = (row["done"], *told, row["slowest"], row["peak"])
        print(f"{name:28}" + "".join(f"{n:9}" for n in columns))
    print(f"in all {sum(row['done'] for row in table.values())} inputs:", dict(total))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", help="formats; all of them otherwise")
    parser.add_argument("--inputs", type=int, default=1 << 60, help="in all, of each format")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--chunk", type=int, default=CHUNK)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    file, table = args.out / "table.json", {}
    if file.is_file():
        table = json.loads(file.read_text())
    until, known = time.monotonic() + 60 * args.minutes, formats()
    while time.monotonic() < until:
        left = [n for n in args.only or known if table.get(n, {"done": 0})["done"] < args.inputs * known[n].share]
        if not left:
            break
        name = min(left, key=lambda n: table.get(n, {"done": 0})["done"] / known[n].share)
        row = table.setdefault(name, {"done": 0, "tallies": {}, "slowest": 0, "peak": 0})
        count = max(1, int(min(args.chunk * known[name].share, args.inputs * known[name].share - row["done"])))
        done, said = chunk(name, args.seed, row["done"], count, args.out / name.replace(" ", "_"))
        row["tallies"] = dict(Counter(row["tallies"]) + Counter(said["tallies"]))
        row |= {
            "done": row["done"] + done,
            "slowest": max(row["slowest"], said["slowest"]),
            "peak": max(row["peak"], said["peak"]),
        }
        file.write_text(json.dumps(table, indent=1))
    show(table)


if __name__ == "__main__":
    main()
