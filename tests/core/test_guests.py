"""Components of other distributions: they take no name of ours, and a broken contract is told before any stage."""

from __future__ import annotations

import importlib.metadata
import json
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

QUICK = {"prior": "none", "representation": "raw", "stage.warmup.all.steps": 2, "stage.guide.rounds": 1,
         "stage.finetune.all.steps": 2}  # fmt: skip
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
        assert ("written for plugin API 1; the current version is 2" in caplog.text) == (today == 2)
    else:
        with pytest.raises(DiffOptError, match="requires plugin API"):
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
    with pytest.raises(DiffOptError, match=r"filename \.\./mine\.pt lies outside of the weights folder"):
        Registry.load([str(written(tmp_path, more=more))])


#: A component of each kind that raises, or gives what its kind does not; how it is asked for; what is told.
RAISES = """
from diffopt_core.config import ComponentConfig, TermConfig
from diffopt_core.plugin import Component, hookimpl
import torch

class Odd:
    unit, where, about, name, workers = "m", "here", "odd", "odd", 1
    def __init__(self, base=None):
        self.base = base
    def __getattr__(self, key):
        if key.startswith("__") or key in ("clips", "served", "faces", "vertices", "weight"):
            raise AttributeError(key)
        return getattr(self.base, key) if self.base is not None else lambda *a, **k: None
    def %s(self, *a, **k):
        %s

class Config(TermConfig):
    def build(self, ctx):
        return Odd(%s)

@hookimpl
def diffopt_components():
    return [Component("%s", "odd", f"{__name__}:Config", "odd")]
"""
BOOM = "raise ValueError('boom')"
ODD = [
    ("dataset", "load", BOOM, {"dataset": "odd"}, r"cannot be read \(boom\)"),
    ("dataset", "load", "return 3", {"dataset": "odd"}, "gave a int, expected Clip"),
    ("detector", "detect", BOOM, {"detector": "odd"}, r"failed \(ValueError: boom\)"),
    ("detector", "detect", "return None", {"detector": "odd"}, "gave a NoneType, expected Observations"),
    ("camera", "trajectory", BOOM, {"camera": "odd"}, r"failed \(ValueError: boom\)"),
    ("camera", "trajectory", "return a[0]", {"camera": "odd"}, "gave a Clip, expected CameraTrajectory"),
    ("initializer", "initialize", BOOM, {"initializer": "odd"}, r"failed \(ValueError: boom\)"),
    ("initializer", "initialize", "return {}", {"initializer": "odd"}, "gave a dict, expected CameraFrameBody"),
    ("body", "joints", BOOM, {"body": "odd"}, r"failed \(ValueError: boom\)"),
    ("body", "keypoints", "return torch.zeros(1, 8, 3, 3)", {"body": "odd"}, r"keypoints has shape \(1, 8, 3, 3\)"),
    ("representation", "motion", BOOM, {"representation": "odd"}, r"failed \(ValueError: boom\)"),
    ("executor", "prepare", BOOM, {"executor": "odd"}, r"failed \(ValueError: boom\)"),
    ("executor", "prepare", "return None", {"executor": "odd"}, "TypeError"),
    ("exporter", "export", BOOM, {"exporters": ["odd"]}, r"failed \(ValueError: boom; "),
    ("metric", "__call__", BOOM, {"metrics": ["odd"]}, r"failed \(ValueError: boom\)"),
    ("metric", "__call__", "return 'much'", {"metrics": ["odd"]}, "gave a str in 'm'"),
]  # fmt: skip
BASES = {"body": "ctx.build('body', 'stick')", "representation": "ctx.build('representation', 'raw')"}


@pytest.mark.parametrize(("kind", "method", "does", "asked", "told"), ODD, ids=[f"{o[0]}-{o[2][:9]}" for o in ODD])
def test_a_guest_of_every_kind_is_named_with_what_it_did(tmp_path, unchecked, kind, method, does, asked, told):
    write_case(tmp_path / "case.npz", arrays_of(make_clip(8)))
    file = tmp_path / "odd.py"
    file.write_text(RAISES % (method, does, BASES.get(kind, ""), kind))
    with pytest.raises(DiffOptError, match=told) as caught:
        recover(tmp_path / "case.npz", "paper", plugins=[file], settings=QUICK | asked, out=tmp_path / "out")
    assert f"{kind} 'odd' of {file}" in str(caught.value) and "\n" not in str(caught.value)


def test_a_guest_that_fails_in_the_middle_of_a_solve_is_named_with_the_line(tmp_path, unchecked):
    write_case(tmp_path / "case.npz", arrays_of(make_clip(8)))
    file = written(tmp_path, "value if float(scene.progress) < 0.6 else scene.gone")
    settings = QUICK | {"prior": "calm", "stage.warmup.all.terms.prior": 1.0, "stage.warmup.all.steps": 4}
    with pytest.raises(DiffOptError, match=r"prior 'calm' of .*failed \(AttributeError: .*gone.*line \d+\)"):
        recover(tmp_path / "case.npz", "paper", plugins=[file], settings=settings)


HOOKS = """
from diffopt_core.errors import DiffOptError
from diffopt_core.plugin import hookimpl

@hookimpl
def diffopt_run_finished(run, result):
    raise %s("boom")
"""


def test_a_hook_that_fails_is_named_and_costs_nothing_but_itself(tmp_path, caplog):
    write_case(tmp_path / "case.npz", arrays_of(make_clip(8)))
    (tmp_path / "loud.py").write_text(HOOKS % "ValueError")
    recover(tmp_path / "case.npz", "paper", plugins=[tmp_path / "loud.py"], settings=QUICK, out=tmp_path / "out")
    assert f"hook diffopt_run_finished of {tmp_path / 'loud.py'} failed (ValueError: boom)" in caplog.text
    saved = json.loads((tmp_path / "out" / "run.json").read_text())
    assert saved["provenance"]["versions"][str(tmp_path / "loud.py")].startswith("sha256 ")  # it took part
    (tmp_path / "loud.py").write_text(HOOKS % "DiffOptError")
    with pytest.raises(DiffOptError, match=r"^boom$"):  # its own word
        recover(tmp_path / "case.npz", "paper", plugins=[tmp_path / "loud.py"], settings=QUICK, out=tmp_path / "b")


def test_a_repeat_says_what_is_another_than_then(tmp_path, capsys):
    from diffopt_core.cli import main

    write_case(tmp_path / "case.npz", arrays_of(make_clip(8)))
    file, out = written(tmp_path), tmp_path / "out"
    settings = QUICK | {"prior": "calm", "stage.warmup.all.terms.prior": 1.0}
    recover(tmp_path / "case.npz", "paper", plugins=[file], settings=settings, out=out)
    saved = json.loads((out / "run.json").read_text())
    assert {"diffopt-core", str(file)} <= saved["provenance"]["versions"].keys()
    saved["provenance"]["versions"] |= {"strangers": "3.1", "numpy": "0.1"}
    saved["provenance"]["python"] = "2.7"
    (out / "run.json").write_text(json.dumps(saved))
    file.write_text(file.read_text() + "\n")
    assert main(["run", str(out / "run.json"), "-p", str(file), "--no-picture", "--no-report"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "strangers is not installed, was 3.1" in told and "was 0.1" in told and "was 2.7" in told
    assert f"{file.name} is sha256" in told.replace(" ", "").replace("issha256", " is sha256")
