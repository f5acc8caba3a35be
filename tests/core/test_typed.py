"""Those who write plugins see types: every package is marked as typed, and a plugin as the docs show it is checked."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from diffopt_core.data.geometry import project
from jaxtyping import TypeCheckError

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(ROOT.glob("p*/*/src/*/__init__.py"))

#: What the plugin has in its hands -> what mypy must call it.
REVEALED = {
    "ctx": "diffopt_core.interfaces.ProblemContext",
    "ctx.fps": "float",
    "ctx.initial": "diffopt_core.types.HumanMotion",
    "ctx.camera.t": "torch._tensor.Tensor",
    "ctx.observations.layout": "str",
    "ctx.noise.normal": "def (shape: tuple[int, ...]) -> torch._tensor.Tensor",
    "ctx.body": "diffopt_core.interfaces.Body | None",
    "scene.motion.pose": "torch._tensor.Tensor",
    "scene.joints": "torch._tensor.Tensor | None",
    'ctx.build("body", "stick")': "diffopt_core.interfaces.Body",
    'ctx.build("exporter", "json", decimals=3)': "diffopt_core.interfaces.Exporter",
    'ctx.build("prior", "none", {})': "diffopt_core.interfaces.Energy",
    "self.needs": "frozenset[str]",
}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parent.name)
def test_every_package_says_that_it_is_typed(package):
    assert package.with_name("py.typed").is_file()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parent.name)
def test_every_package_is_checked_under_test(package):
    assert type(find_spec(package.parent.name).loader).__module__.startswith("jaxtyping")


def test_a_wrong_shape_is_refused_under_test():
    with pytest.raises(TypeCheckError, match="points_cam"):
        project(torch.zeros(2, 4, 2), torch.ones(2, 2), torch.ones(2, 2))


def shown() -> str:
    """The typed plugin of docs/plugins.md."""
    text = (ROOT / "docs/plugins.md").read_text()
    (code,) = re.findall(r"```python\n# diffopt_still.py\n(.*?)```", text, re.DOTALL)
    return code


def checked(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """mypy, strict, on a file of somebody who has the packages installed and no settings of ours."""
    (folder / "diffopt_still.py").write_text(code)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-color-output", "diffopt_still.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
def test_a_typed_plugin_sees_real_types(tmp_path):
    head, found, tail = shown().partition("            speed = ")
    asked = "".join(f"            reveal_type({name})\n" for name in REVEALED)
    wrong = "            ctx.initial.no_such_field\n"
    done = checked(tmp_path, head + asked + wrong + found + tail)
    told = dict(zip(REVEALED, re.findall(r'Revealed type is "(.*)"', done.stdout), strict=True))
    assert {name: kind.replace("builtins.", "") for name, kind in told.items()} == REVEALED
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1 and '"HumanMotion" has no attribute "no_such_field"' in errors[0], done.stdout
