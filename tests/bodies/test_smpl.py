"""The smpl body on a stand-in file: the embedded body's arrays in SMPL's clothes (no licensed file is at hand)."""

from __future__ import annotations

import pickle
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from diffopt_core.data.skeleton import LAYOUTS
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.host.registry import Registry
from diffopt_core.interfaces import MeshBody
from diffopt_core.parts.bodies.linear import ForeignBetas, LinearBody
from diffopt_core.parts.bodies.smpl import SmplConfig, read_model

smplx = pytest.importorskip("smplx")
CTX = Registry().context()


@pytest.fixture(scope="module")
def model(arrays) -> dict[str, np.ndarray]:
    """SMPL's keys and sizes; vertices beyond the embedded body's repeat its first."""
    extra = 6890 - len(arrays["v_template"])

    def padded(a: np.ndarray) -> np.ndarray:
        return np.concatenate([a, np.repeat(a[:1], extra, axis=0)])

    tree = arrays["kintree_table"].astype(np.uint32)
    tree[0, 0] = 2**32 - 1
    rng = np.random.default_rng(1)
    return {
        "v_template": padded(arrays["v_template"]).astype(np.float64),
        "shapedirs": padded(arrays["shapedirs"]).astype(np.float64),
        "posedirs": rng.normal(0, 1e-3, (6890, 3, 207)),
        "weights": padded(arrays["weights"]).astype(np.float64),
        "J_regressor": np.pad(arrays["J_regressor"], ((0, 0), (0, extra))).astype(np.float64),
        "f": arrays["f"].astype(np.uint32),
        "kintree_table": tree,
    }


@pytest.fixture(scope="module")
def pickled(model, tmp_path_factory) -> Path:
    """As the official file: protocol 2, a chumpy shape space, a sparse joint regressor."""
    Ch = type("Ch", (), {"__module__": "chumpy.ch", "__qualname__": "Ch"})
    fake = types.ModuleType("chumpy.ch")
    fake.Ch = Ch  # type: ignore[attr-defined]
    wrapped = Ch()
    wrapped.x = model["shapedirs"]  # type: ignore[attr-defined]
    held = model | {"shapedirs": wrapped, "J_regressor": scipy.sparse.csc_matrix(model["J_regressor"])}
    file = tmp_path_factory.mktemp("smpl") / "SMPL_NEUTRAL.pkl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
        patch.setitem(sys.modules, "chumpy.ch", fake)
        file.write_bytes(pickle.dumps(held, protocol=2))
    return file


@pytest.fixture(scope="module")
def body(pickled) -> Any:
    return SmplConfig(path=pickled).build(CTX)


def test_reads_pickle_and_npz_alike(pickled, model, tmp_path):
    assert "chumpy" not in sys.modules
    npz = tmp_path / "SMPL_NEUTRAL.npz"
    np.savez(npz, **model)  # type: ignore[arg-type]
    for got in (read_model(pickled), read_model(npz)):
        for key, value in model.items():
            np.testing.assert_array_equal(got[key], value)


def test_three_hundred_betas_and_objects_beside_the_arrays(model, pickled, random_motion, tmp_path):
    """SMPL 1.1.0 has 300 components, of which ten are used; archives of the sites hold dictionaries too."""
    wide = np.concatenate([model["shapedirs"][..., :10], np.ones((6890, 3, 290))], -1)
    held = {**model, "shapedirs": wide, "part2num": np.array({"head": 1}, dtype=object)}
    np.savez(tmp_path / "SMPL_NEUTRAL.npz", **held)
    motion = random_motion(betas_of="smpl")
    large, small = (SmplConfig(path=path).build(CTX) for path in (tmp_path, pickled))
    torch.testing.assert_close(large.joints(motion), small.joints(motion))
    torch.testing.assert_close(large.vertices(motion), small.vertices(motion))


def test_a_folder_without_the_gender_names_what_is_there(pickled):
    with pytest.raises(MissingResource, match=r"SMPL_FEMALE\.npz.*there is .*\.pkl"):
        SmplConfig(path=pickled.parent, gender="female").build(CTX)


def test_mesh_of_smplx_and_own_joints_agree(body, random_motion):
    """The loop's joints and keypoints sit in smplx's mesh, pose correctives included."""
    motion = random_motion(betas_of="smpl")
    vertices = body.vertices(motion)
    assert vertices.shape == (2, 3, 6890, 3)
    torch.testing.assert_close(vertices, LinearBody.vertices(body, motion), atol=1e-5, rtol=0)
    torch.testing.assert_close(body.joints(motion)[:, :, 0], motion.trans)
    nose = body.keypoints(motion, "coco17")[:, :, 0]
    torch.testing.assert_close(nose, vertices[:, :, 332], atol=1e-5, rtol=0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(body, layout, random_motion):
    points = body.keypoints(random_motion(betas_of="smpl"), layout)
    assert points.isfinite().all()
    absent = [name for name, ok in zip(LAYOUTS[layout], body.served(layout), strict=True) if not ok]
    expected = ("inner", "outer", "mouth", "pinky", "index", "thumb") if layout == "blazepose33" else ()
    assert all(any(part in name for part in expected) for name in absent)
    assert len(absent) == (12 if layout == "blazepose33" else 0)


def test_other_models_betas_are_refused(body, random_motion):
    with pytest.raises(ForeignBetas, match="'anny24' given to body 'smpl'"):
        body.joints(random_motion(betas_of="anny24"))


def test_path_by_folder_and_environment(pickled, monkeypatch):
    assert isinstance(SmplConfig(path=pickled.parent).build(CTX), MeshBody)
    monkeypatch.setenv("DIFFOPT_SMPL", str(pickled))
    assert SmplConfig().build(CTX).name == "smpl"


def test_without_a_file_the_error_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.delenv("DIFFOPT_SMPL", raising=False)
    for path in (None, tmp_path):
        with pytest.raises(MissingResource, match=r"smpl\.is\.tue\.mpg\.de.*DIFFOPT_SMPL"):
            SmplConfig(path=path).build(CTX)


def test_without_smplx_the_error_says_what_to_install(pickled, monkeypatch):
    monkeypatch.setitem(sys.modules, "smplx", None)
    with pytest.raises(MissingResource, match=r"diffopt-core\[smpl\]"):
        SmplConfig(path=pickled).build(CTX)


@pytest.mark.parametrize(
    ("key", "value"),
    [("weights", np.zeros((6890, 52))), ("v_template", np.zeros((10475, 3))), ("f", None), ("kintree_table", 0)],
)
def test_other_files_are_refused_by_key(model, key, value, tmp_path):
    changed = dict(model)
    if value is None:
        del changed[key]
    else:
        changed[key] = np.zeros((2, 24), np.int64) if key == "kintree_table" else value
    np.savez(tmp_path / "m.npz", **changed)
    with pytest.raises(BadInput, match=key):
        read_model(tmp_path / "m.npz")


def test_configs_import_neither_torch_nor_smplx():
    code = (
        "import sys, diffopt_core.parts.bodies, diffopt_core.parts.bodies.anny24, diffopt_core.parts.bodies.stick, "
        "diffopt_core.parts.bodies.smpl as s; s.SmplConfig(); print({'torch', 'smplx', 'numpy'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_zero_foreign_betas_pass(body, random_motion):
    motion = random_motion(betas_of="anny24")
    assert body.joints(replace(motion, betas=torch.zeros_like(motion.betas))).isfinite().all()
