"""Commands that only look: help, plugins, show, recipe; and commands that plugins bring."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest
from diffopt_core.cli.app import build
from diffopt_core.cli.flags import leaves
from diffopt_core.host.choice import FLAGS
from diffopt_core.host.recipe import load, parse
from diffopt_core.host.registry import Registry
from diffopt_core.plugin import KINDS, command_group, hookimpl


@pytest.mark.parametrize("args", [["--help"], ["run", "--help"], ["plugins"], ["show", "prior"], ["recipe"]])
def test_looking_imports_neither_torch_nor_numpy(args):
    code = (
        "import sys; from diffopt_core.cli import main; status = main(sys.argv[1:]); "
        "print('HEAVY', status, sorted({'torch', 'numpy', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "HEAVY 0 []", done.stderr


def test_help_has_every_command_and_group(diffopt):
    ran = diffopt("--help")
    for word in ("run", "demo", "simulate", "plugins", "show", "recipe", "check", "eval", "train", "Look around"):
        assert word in ran.out
    assert diffopt("--version").out.startswith("diffopt 0.")


def test_alone_it_says_what_to_type_first(diffopt):
    ran = diffopt()
    assert ran.status == 0 and "diffopt demo" in ran.out and "diffopt run walk.mp4" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_show_alone_lists_the_kinds(diffopt):
    ran = diffopt("show")
    assert ran.status == 0
    for kind in KINDS.values():
        assert kind.name in ran.out and (kind.flag or "") in ran.out


COMMANDS = leaves(build()[0])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_parses(name):
    """Those that look at a result say which command made it, and that one has an example, too."""
    found = re.search(r"^ *Example: diffopt (.+?)(?: \(after diffopt (.+)\))?$", COMMANDS[name].help, re.MULTILINE)
    assert found, name
    for typed in filter(None, found.groups()):
        (own,) = [each for each in COMMANDS if typed == each or typed.startswith(f"{each} ")]
        assert COMMANDS[own].make_context(own, shlex.split(typed.removeprefix(own)), resilient_parsing=False)
    assert own == name or found[2]


def test_every_role_has_its_flag(diffopt):
    text = diffopt("run", "--help").out
    assert set(FLAGS) == {kind.flag for kind in KINDS.values() if kind.flag}
    for flag in (*FLAGS, "--set", "--recipe", "--plugin", "--device", "--seed", "--out", "--overwrite", "--fps"):
        assert flag in text
    for flag in ("--scale", "--debug", "--quiet", "--no-picture"):
        assert flag in text


def test_plugins_lists_owners(diffopt):
    ran = diffopt("plugins")
    assert ran.status == 0
    for word in ("diffopt-core", "diffopt-priors", "mdm", "nemo", "reprojection"):
        assert word in ran.out
    only = diffopt("plugins", "prior").out
    assert "mdm" in only and "reprojection" not in only


def test_blocked(diffopt):
    assert "mdm" not in diffopt("plugins", "-p", "no:priors").out


def test_show_options_terms_of_use_and_owner(diffopt):
    text = diffopt("show", "prior", "mdm").out
    for word in ("timesteps", "noise_samples", "tuple[float,", "CC BY", "distribution: diffopt-priors"):
        assert word in text
    names = diffopt("show", "prior").out
    assert "mdm" in names and "none" in names and "--prior" in names


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_everything_can_be_shown(diffopt, kind):
    for name in Registry.load().components[kind]:
        ran = diffopt("show", kind, name)
        assert ran.status == 0 and "terms of use" in ran.out, f"{kind} {name}: {ran.err}"


@pytest.mark.parametrize("name", sorted(Registry.load().recipes))
def test_recipe_prints_what_a_run_would_read(diffopt, name):
    text = diffopt("recipe", name).out
    assert parse(tomllib.loads(text)) == parse(load(name, Registry.load().recipes))


def test_recipe_takes_the_flags_of_run(diffopt):
    table = tomllib.loads(diffopt("recipe", "paper", "--prior", "none", "--set", "input.start=4").out)
    assert table["prior"] == "none" and table["input"]["start"] == 4


def test_recipe_diff(diffopt):
    text = diffopt("recipe", "table5/no-warmup", "--diff", "paper").out
    assert "schedule" in text and '["guide", "finetune"]' in text and "summary" not in text
    assert "no difference" in diffopt("recipe", "paper", "--diff", "paper").out


PLUGIN = """
from diffopt_core.config import TermConfig
from diffopt_core.plugin import Component, hookimpl

class Config(TermConfig):
    "Stands still."
    weight: float = 2.5
    def build(self, ctx):
        return lambda scene: scene.motion.trans.square().sum((1, 2))

@hookimpl
def diffopt_components():
    return [Component("prior", "still", f"{__name__}:Config", "stands still")]
"""


def test_a_plugin_file_is_listed_and_shown(diffopt):
    Path("my_prior.py").write_text(PLUGIN)
    assert "my_prior.py" in diffopt("plugins", "prior", "-p", "my_prior.py").out
    assert "2.5" in diffopt("show", "prior", "still", "-p", "my_prior.py").out


class Entry:
    def __init__(self, name, hook):
        self.name, self.hook = name, hook
        self.dist = types.SimpleNamespace(name=f"diffopt-{name}", version="0.1")

    def load(self):
        return types.SimpleNamespace(diffopt_commands=hookimpl(self.hook))


def hello(app):
    @app.command()
    def hello() -> None:
        """Greets."""
        print("hello")


def raises(app):
    hello(app)
    raise RuntimeError("no display")


def collides(app):
    @app.command("run")
    def run() -> None:
        """Not the real one."""


def collides_in_a_group(app):
    for _ in range(2):
        command_group(app, "train").command("spoilt")(lambda: None)


def raises_in_a_group(app):
    command_group(app, "train").command("spoilt")(lambda: None)
    raise RuntimeError("no display")


@pytest.fixture
def installed(monkeypatch):
    """Install plugins with command hooks beside the real ones."""
    import importlib.metadata

    real = list(importlib.metadata.entry_points(group="diffopt"))

    def install(**hooks):
        entries = [*real, *(Entry(name, hook) for name, hook in hooks.items())]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries)

    return install


def test_a_plugin_brings_a_command(diffopt, installed):
    installed(polite=hello)
    assert diffopt("hello").out == "hello\n"
    assert "Greets." in diffopt("--help").out


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        (raises, "RuntimeError: no display"),
        (collides, "exists already"),
        (raises_in_a_group, "RuntimeError: no display"),
        (collides_in_a_group, "exists already"),
    ],
)
def test_a_broken_command_hook_loses_its_commands_only(diffopt, installed, hook, reason):
    installed(bad=hook, polite=hello)
    ran = diffopt("plugins")
    assert ran.status == 0 and reason in ran.err and "mdm" in ran.out
    assert "In quarantine" in ran.out and "diffopt-bad" in ran.out
    assert diffopt("hello").out == "hello\n"
    assert "Not the real one" not in diffopt("run", "--help").out
    assert "spoilt" not in diffopt("train", "--help").out


def test_a_quarantined_plugin_is_noticed_and_listed(diffopt, installed, monkeypatch):
    def unimportable(self):
        raise ImportError("libfoo.so.1: cannot open")

    installed(bad=hello)
    monkeypatch.setattr(Entry, "load", unimportable)
    ran = diffopt("plugins")
    assert ran.status == 0 and "diffopt-bad" in ran.out and "libfoo.so.1" in ran.out and "quarantine" in ran.err


def test_new_writes_a_folder_and_check_runs_its_contract(diffopt):
    ran = diffopt("new", "metric", "quantile")
    assert ran.status == 0 and Path("diffopt-quantile/src/diffopt_quantile/metric.py").is_file()
    assert "diffopt-quantile" in diffopt("new", "metric", "quantile").error
    assert "already offered by diffopt-core" in diffopt("new", "prior", "none").error
    assert [path.name for path in Path().iterdir()] == ["diffopt-quantile"]


def test_check_by_component_and_what_it_needs(diffopt, case):
    ran = diffopt("plugins", "check", "eager")
    assert ran.status == 0 and "0 failed" in ran.out
    error = diffopt("plugins", "check", "eagre").error
    assert "'eagre' is not installed, or misspelt. Did you mean 'eager'?" in error and "-p FILE.py" in error
    assert len(error) < 200, "not the whole list"
    assert "name one behind the dataset" in diffopt("plugins", "check", "case").error
    assert "FAILS" not in diffopt("plugins", "check", "case", case).out
