"""The initializers that read files, as components; and ``diffopt convert``, as a user calls it."""

from __future__ import annotations

import numpy as np
import pytest
import reader_cases as cases
from diffopt_core.cli import main
from diffopt_core.errors import MissingResource
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import InitializerContract
from diffopt_core.parts.bodies.smpl import ENVIRONMENT

READERS = ("wham", "gvhmr", "tram", "slahmr", "glamr", "prompthmr")


@pytest.fixture(autouse=True)
def no_model(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT, raising=False)


class _Reads(InitializerContract):
    @pytest.fixture(autouse=True)
    def file(self, tmp_path_factory):
        type(self).options = {
            "file": cases.TOOLS[self.name][0](cases.make(0, n=12), tmp_path_factory.mktemp(self.name))
        }


class TestWham(_Reads):
    name = "wham"


class TestGvhmr(_Reads):
    name = "gvhmr"


class TestTram(_Reads):
    name = "tram"


class TestSlahmr(_Reads):
    name = "slahmr"


class TestGlamr(_Reads):
    name = "glamr"


class TestPromptHmr(_Reads):
    name = "prompthmr"


@pytest.mark.parametrize("name", [*READERS, "sam3d"])
def test_without_a_file_it_says_which(name):
    registry = Registry.load()
    with pytest.raises(MissingResource, match=rf"--init {name}=FILE"):
        registry.config("initializer", name, {}).build(registry.context())


@pytest.mark.slow
def test_convert_on_the_command_line(tmp_path, capsys):
    k = cases.make(0, n=12)
    file = str(cases.wham(k, tmp_path))
    assert main(["convert", file, "--out", str(tmp_path / "m.npz"), "--fps", "24"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "WHAM: person 0, 12 frames at 24 fps" in said and "mean shape" in said
    with np.load(tmp_path / "m.npz", allow_pickle=False) as held:
        np.testing.assert_allclose(held["transl"], k.pelvis, atol=1e-4)
    assert main(["convert", str(cases.vibe(k, tmp_path)), "--out", str(tmp_path / "n.npz")]) == 2
    said = capsys.readouterr().err
    assert "--camera-frame" in said and "Traceback" not in said and not (tmp_path / "n.npz").exists()
    assert main(["convert", file, "--out", str(tmp_path / "n.npz"), "--track", "7"]) == 2
    assert "Known: 0" in capsys.readouterr().err
