"""``diffopt new`` writes a plugin that works, for every kind; ``diffopt plugins check`` runs a contract."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from diffopt_core.cli.new import package
from diffopt_core.errors import DiffOptError
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import PriorContract, contract_of, run_checks
from diffopt_core.plugin import KINDS, Component

LICENCE = Path(__file__).parents[2] / "LICENSE"


def write(folder: Path, kind: str, name: str) -> Path:
    for path, text in package(kind, name).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> list[Path]:
    """One of every kind."""
    root = tmp_path_factory.mktemp("new")
    return [write(root / kind, kind, f"first-{number}") for number, kind in enumerate(KINDS)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written(kind):
    texts = package(kind, "first-try")
    said = tomllib.loads(texts["pyproject.toml"])["project"]
    assert said["name"] == "diffopt-first-try" and said["entry-points"]["diffopt"] == {"first-try": "diffopt_first_try"}
    assert said["license"] == "Apache-2.0" and texts["LICENSE"] == LICENCE.read_text()
    assert not [path for path, text in texts.items() if "$" in text and path != "LICENSE"]


def test_it_is_short():
    """In lines that are not empty, tests and metadata aside."""
    for kind, most in {"prior": 30, "camera": 40, "initializer": 40}.items():
        source = [text for path, text in package(kind, "first").items() if path.startswith("src/")]
        assert len([line for text in source for line in text.splitlines() if line.strip()]) <= most, kind


def test_it_is_formatted(packages):
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    for step in (["check", "--select", "E,F,I,UP,B,SIM,RUF"], ["format", "--check"]):
        done = subprocess.run([*ruff, *step, "--isolated", "--line-length", "120", *packages], capture_output=True)
        assert done.returncode == 0, done.stdout.decode()


@pytest.mark.slow
def test_its_tests_pass_at_once(packages):
    """All in one process here; a stranger runs `pytest` in the folder, as the next test does."""
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(str(folder / "src") for folder in packages)}
    tests = [folder / "tests" for folder in packages]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", packages[0].parent, *tests],
        capture_output=True, text=True, env=found,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
def test_in_its_own_folder(packages):
    folder = next(folder for folder in packages if folder.name == "camera")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0 and "5 passed" in done.stdout, done.stdout[-3000:]


@pytest.mark.parametrize("name", ["Tripod", "two words", "9lives", "a_b", "../up", ""])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(DiffOptError):
        package("camera", name)


def test_an_installed_module_is_not_loaded_twice():
    """So that a plugin's tests may name it, whether it is installed or not."""
    there = Registry.load(["diffopt_priors.plugin"])
    assert there.components == Registry.load().components


class _Scalar:
    """A prior that gives one number for all clips."""

    def __call__(self, scene):
        return scene.motion.trans.square().sum()


def test_checks_say_what_fails():
    registry = Registry.load()
    row = Component("prior", "scalar", "diffopt_core.config:TermConfig", "x", sets={"builds": f"{__name__}:scalar"})
    registry.components["prior"]["scalar"], registry.owner["prior", "scalar"] = row, registry.plugins[0]
    told = dict(run_checks(contract_of(registry, "prior", "scalar", {})))
    assert {f"test_{what.replace(' ', '_')}" for what in told} == {n for n in dir(PriorContract) if n[:5] == "test_"}
    assert "expected shape" in told["value is one finite number a clip"]
    assert told["is listed with a summary"] is None


def scalar(config, ctx):
    return _Scalar()
