"""How plugins are found: everything through one hook, a broken one put aside, a misspelt name answered."""

from __future__ import annotations

import importlib.metadata
import sys
import types
from pathlib import Path
from typing import ClassVar, NamedTuple

import pytest
from diffopt_core import interfaces
from diffopt_core.config import ComponentConfig
from diffopt_core.errors import DiffOptError, UnknownName
from diffopt_core.host.registry import Plugin, Registry
from diffopt_core.plugin import KINDS, Component, hookimpl


class StillConfig(ComponentConfig):
    """A component of these tests."""

    retired: ClassVar = {"inertia": 2.0}

    weight: float = 1.0

    def build(self, ctx):
        return Still(self.weight, ctx)


class Still(NamedTuple):
    """An energy, as far as names go."""

    weight: float
    ctx: object

    def __call__(self, scene):
        return scene


def module(*rows: Component, recipes: dict[str, Path] | None = None) -> types.SimpleNamespace:
    """A plugin as pluggy sees one."""

    @hookimpl
    def diffopt_components():
        return list(rows)

    @hookimpl
    def diffopt_recipes():
        return recipes or {}

    return types.SimpleNamespace(diffopt_components=diffopt_components, diffopt_recipes=diffopt_recipes)


def row(name: str = "still", kind: str = "prior", **more) -> Component:
    return Component(kind, name, f"{__name__}:StillConfig", "stands still", **more)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Components name their config by module, and this one may not be on the path under its own name."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules[StillConfig.__module__])


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.add(module(row()), Plugin("still", "diffopt-still", "1.0"))
    return registry


class Entry:
    """An entry point, installed or broken."""

    def __init__(self, name: str, load):
        self.name, self.load = name, load
        self.dist = types.SimpleNamespace(name=f"dist-{name}", version="0.3")


def install(monkeypatch, *entries: Entry) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: list(entries))


def test_a_name_gives_a_config_gives_an_object(registry):
    assert registry.component("prior", "still").summary == "stands still"
    assert registry.config("prior", "still", {"weight": 2}) == StillConfig(weight=2.0)
    assert registry.build("prior", "still", {}, "ctx") == Still(1.0, "ctx")
    assert registry.owner["prior", "still"].distribution == "diffopt-still"


def test_a_retired_option_is_dropped_where_it_says_what_is_so(registry):
    """Old run files carry options that are constants now."""
    assert registry.config("prior", "still", {"weight": 2, "inertia": 2.0}) == StillConfig(weight=2.0)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.component("prior", "stil"), "unknown prior 'stil'. Did you mean 'still'?"),
        (lambda r: r.component("priors", "still"), "unknown kind 'priors'. Did you mean 'prior'?"),
        (lambda r: r.config("prior", "still", {"wieght": 1}), "unknown option of prior 'still' 'wieght'. Did you mean"),
        (
            lambda r: r.config("prior", "still", {"inertia": 1.0}),
            "prior 'still': option 'inertia' was removed; its value is always 2.0",
        ),
        (lambda r: r.config("prior", "still", {"weight": "much"}), "prior 'still': weight: "),
    ],
)
def test_misspelt(registry, ask, message):
    with pytest.raises(DiffOptError) as error:
        ask(registry)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_config_that_cannot_be_imported_names_its_distribution(registry):
    registry.add(module(Component("prior", "gone", "no_such_module:Config", "")), Plugin("gone", "dist-gone", "2"))
    with pytest.raises(DiffOptError, match="prior 'gone' of dist-gone cannot be loaded"):
        registry.config("prior", "gone", {})


@pytest.mark.parametrize(
    ("kind", "lacking"),
    [
        ("prior", None),
        ("metric", "unit"),
        ("camera", "trajectory"),
        ("body", "name and rest_joints and joints and keypoints"),
        ("representation", "motion and variables and shift"),
    ],
)
def test_an_object_without_a_method_of_its_kind_is_refused_by_name(registry, kind, lacking):
    registry.add(module(row("odd", kind)), Plugin("odd", "dist-odd", "2"))
    if lacking is None:
        assert isinstance(registry.build(kind, "odd", {}, "ctx"), Still)
        return
    wanted = f"{kind} 'odd' of dist-odd built a Still without {lacking}, which protocol {KINDS[kind].protocol} requires"
    with pytest.raises(DiffOptError) as error:
        registry.build(kind, "odd", {}, "ctx")
    assert str(error.value) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_names_a_protocol_that_can_be_asked(kind):
    protocol = getattr(interfaces, KINDS[kind].protocol)
    assert not isinstance(object(), protocol)  # raises TypeError for one that is not runtime_checkable


def broken():
    raise RuntimeError("needs a newer libfoo\nand a second line")


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (broken, "RuntimeError: needs a newer libfoo"),
        (lambda: module(row(), row("new", api=99)), "requires plugin API 99"),
        (lambda: module(row(), row(kind="pryor")), "unknown kind 'pryor'"),
        (lambda: module(row("taken")), "already offered by dist-good"),
        (lambda: types.SimpleNamespace(diffopt_componets=hookimpl(lambda: [])), "diffopt_componets"),
    ],
)
def test_quarantine(monkeypatch, load, reason):
    """A plugin that fails half-way offers nothing, is listed with its error, and stops nobody else."""
    install(monkeypatch, Entry("good", lambda: module(row("taken"))), Entry("zbad", load))
    registry = Registry.load()
    assert list(registry.components["prior"]) == ["taken"]
    bad = next(plugin for plugin in registry.plugins if plugin.name == "zbad")
    assert reason in bad.error and (bad.distribution, bad.version) == ("dist-zbad", "0.3")
    with pytest.raises(DiffOptError, match="in quarantine: dist-zbad"):
        registry.component("prior", "still")


def test_recipes_are_offered(monkeypatch, tmp_path):
    install(monkeypatch, Entry("good", lambda: module(recipes={"mine": tmp_path / "mine.toml"})))
    assert Registry.load().recipes == {"mine": tmp_path / "mine.toml"}


def test_block_by_name(monkeypatch):
    install(monkeypatch, Entry("one", lambda: module(row("a"))), Entry("two", lambda: module(row("b"))))
    assert list(Registry.load(["no:two"]).components["prior"]) == ["a"]
    with pytest.raises(UnknownName, match=r"unknown plugin 'tow'. Did you mean 'two'"):
        Registry.load(["no:tow"])


PLUGIN_FILE = """
from diffopt_core.config import TermConfig
from diffopt_core.plugin import Component, hookimpl

class Config(TermConfig):
    def build(self, ctx):
        return lambda scene: scene

@hookimpl
def diffopt_components():
    return [Component("prior", "filed", f"{__name__}:Config", "from a file")]
"""


def test_file_plugin(monkeypatch, tmp_path):
    install(monkeypatch)
    path = tmp_path / "my_prior.py"
    path.write_text(PLUGIN_FILE)
    registry = Registry.load([str(path)])
    assert registry.config("prior", "filed", {}).build(None)("scene") == "scene"
    assert registry.owner["prior", "filed"].distribution == str(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file"), ("1 / 0", "ZeroDivisionError"), ("import no_such_package", "no_such")],
)
def test_file_plugin_that_fails_is_an_error(monkeypatch, tmp_path, content, reason):
    """The user asked for this one by name, so it is not put aside quietly."""
    install(monkeypatch)
    path = tmp_path / "bad_prior.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DiffOptError, match=reason):
        Registry.load([str(path)])


def test_a_folder_is_no_plugin_but_a_package_to_install(monkeypatch, tmp_path):
    install(monkeypatch)
    (tmp_path / "diffopt-calm").mkdir()
    with pytest.raises(DiffOptError, match="is a folder; install the package"):
        Registry.load([str(tmp_path / "diffopt-calm")])


def test_a_file_of_a_package_is_not_loaded_by_itself(monkeypatch, tmp_path):
    install(monkeypatch)
    path = tmp_path / "src/pkg/__init__.py"
    path.parent.mkdir(parents=True)
    path.write_text("from .parts import gone")
    with pytest.raises(DiffOptError, match="cannot be loaded by itself; install the package, or put") as error:
        Registry.load([str(path)])
    assert str(error.value).endswith(f"{tmp_path / 'src'} on PYTHONPATH and give -p pkg")


def test_the_installed_plugins_all_load():
    registry = Registry.load()
    assert {plugin.name for plugin in registry.plugins} >= {"core", "priors", "cameras", "inits"}
    assert [plugin for plugin in registry.plugins if plugin.error] == []


def test_every_installed_component_has_a_config():
    registry = Registry.load()
    for kind in KINDS:
        for name, component in registry.components[kind].items():
            config = registry.config_class(kind, name)
            assert issubclass(config, ComponentConfig), f"{kind} {name}"
            assert component.summary, f"{kind} {name} has no summary"
