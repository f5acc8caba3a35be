"""Components of other distributions: they take no name of ours, and a broken contract is told before any stage."""

from __future__ import annotations

import importlib.metadata
import textwrap
from pathlib import Path

import pytest
from diffopt_core import plugin as plugin_module
from diffopt_core.errors import DiffOptError
from diffopt_core.host import registry as registry_module
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import make_clip
from diffopt_core.parts.datasets.case_file import arrays_of, write_case
from diffopt_core.results.recover import recover

CALM = """
from typing import ClassVar
from diffopt_core.config import TermConfig
from diffopt_core.plugin import Component, hookimpl

class CalmConfig(TermConfig):
    needs: ClassVar = frozenset({"joints"})
    def build(self, ctx):
        def energy(scene):
            value = scene.joints.diff(n=3, dim=1).square().mean((1, 2, 3))
            return %s
        return energy

@hookimpl
def diffopt_components():
    return [Component("prior", "%s", f"{__name__}:CalmConfig", "calm")]
"""


def written(folder: Path, value: str = "value", name: str = "calm", more: str = "") -> Path:
    file = folder / f"{name}_{abs(hash(value)) % 10**8}.py"
    file.write_text(textwrap.dedent(CALM % (value, name)) + more)
    return file


class Entry:
    """An entry point of a stranger's distribution."""

    def __init__(self, name: str, file: Path):
        self.name = name
        self.dist = type("Dist", (), {"name": "strangers", "version": "1"})()
        self.load = lambda: registry_module._import(str(file))


def test_a_newcomer_cannot_take_a_name_of_ours_whatever_it_is_called(tmp_path, monkeypatch):
    ours = list(importlib.metadata.entry_points(group="diffopt"))
    thief = Entry("a", written(tmp_path, name="mdm"))
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [thief, *ours])
    registry = Registry.load()
    assert registry.source("prior", "mdm") == "diffopt-priors"
    (told,) = [plugin for plugin in registry.plugins if plugin.error]
    assert told.distribution == "strangers" and "'mdm' is already offered by diffopt-priors" in told.error
    assert Registry.load(["no:priors"]).source("prior", "mdm") == "strangers"  # the user's own word


def test_recipes_are_names_too(tmp_path, monkeypatch):
    more = "\n@hookimpl\ndef diffopt_recipes():\n    return {'paper': __file__}\n"
    thief = Entry("a", written(tmp_path, more=more))
    ours = list(importlib.metadata.entry_points(group="diffopt"))
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [thief, *ours])
    registry = Registry.load()
    assert registry.recipes["paper"] == Registry.load(["no:a"]).recipes["paper"]
    assert "recipe 'paper' is already offered by diffopt-core" in str([p.error for p in registry.plugins])


@pytest.mark.parametrize(("said", "today", "oldest", "works"), [
    ("", 1, 1, True), ("DIFFOPT_API = 1", 2, 1, True), ("", 2, 2, False), ("DIFFOPT_API = 2", 1, 1, False),
    ("DIFFOPT_API = 'x'", 1, 1, False),
])  # fmt: skip
def test_the_api_that_a_plugin_was_written_for_is_compared(tmp_path, monkeypatch, caplog, said, today, oldest, works):
    for module in (plugin_module, registry_module):
        monkeypatch.setattr(module, "API_VERSION", today)
        monkeypatch.setattr(module, "OLDEST_API", oldest)
    registry, file = Registry(), written(tmp_path, value=f"value + {said!r}", more=f"\n{said}\n")
    admit = lambda: registry._admit("calm", "calm", "1", lambda: registry_module._import(str(file)), strict=True)  # noqa: E731
    if works:
        admit()
        assert ("written for plugin API 1; 2 is today's" in caplog.text) == (today == 2)
    else:
        with pytest.raises(DiffOptError, match="wants plugin API"):
            admit()


@pytest.mark.parametrize(
    ("value", "clause"),
    [
        ("value.mean()", r"has shape \(\), expected \(1,\)"),
        ("value.detach()", "is detached"),
        ("value * float('nan')", "is not finite at the start"),
        ("value.to('meta')", "is on device meta, expected cpu"),
        ("None", "is a NoneType, no tensor"),
        ("value.gone", "AttributeError"),
    ],
)
def test_a_broken_contract_is_told_before_any_stage(tmp_path, unchecked, value, clause):
    write_case(tmp_path / "case.npz", arrays_of(make_clip(8)))
    stages: list[str] = []
    file = written(tmp_path, value)
    with pytest.raises(DiffOptError, match=clause) as caught:
        recover(
            tmp_path / "case.npz", "paper", prior="calm", plugins=[file], report=lambda *told: stages.append(told[0])
        )
    assert "prior 'calm' of " in str(caught.value) and file.name in str(caught.value) and not stages


def test_weights_stay_in_their_folder(tmp_path):
    more = """
from diffopt_core.plugin import WeightFile
@hookimpl
def diffopt_weights():
    return [WeightFile("mine", "mine", "../mine.pt", "MIT", "https://example.org")]
"""
    with pytest.raises(DiffOptError, match=r"outside of the folder of weights \(\.\./mine\.pt\)"):
        Registry.load([str(written(tmp_path, more=more))])
