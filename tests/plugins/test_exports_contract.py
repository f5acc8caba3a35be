"""Exporters: the contract for each format; formats whose tools are absent say what to install."""

from __future__ import annotations

import shutil
import sys

import pytest
from diffopt_core.errors import MissingResource
from diffopt_core.host.testing import ExporterContract
from exports_cases import exporter, walk


class TestGlb(ExporterContract):
    name = "glb"


class TestBvh(ExporterContract):
    name = "bvh"


class TestAmass(ExporterContract):
    name = "amass"


class TestCsv(ExporterContract):
    name = "csv"


class TestTrc(ExporterContract):
    name = "trc"


@pytest.mark.needs("pxr")
class TestUsd(ExporterContract):
    name = "usd"


def test_usd_without_its_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(MissingResource, match=r"pip install .*usd"):
        exporter("usd")


def test_fbx_without_blender_says_what_there_is(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingResource, match=r"GPL.*--env uv"):
        exporter("fbx")  # before anything is solved
    with pytest.raises(MissingResource, match=r"no such file"):
        exporter("fbx", env=str(tmp_path / "nowhere")).export(walk(), tmp_path)


def test_fbx_through_a_program_on_the_path(monkeypatch, tmp_path):
    """A stand-in for Blender that does what our script would: it takes the job after ``--``."""
    program = tmp_path / "bin" / "blender"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\njob = json.loads(sys.argv[-1])\n"
        "assert open(job['glb'], 'rb').read(4) == b'glTF' and job['unit'] == 'cm' and job['up'] == 'y'\n"
        "open(job['fbx'], 'w').write('Kaydara')\nprint('Blender 9.9.1')\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    files = exporter("fbx").export(walk(), tmp_path / "out")
    assert files[0].read_text() == "Kaydara" and '"blender": "9.9.1"' in files[1].read_text()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["motion.fbx", "motion.fbx.json"]
