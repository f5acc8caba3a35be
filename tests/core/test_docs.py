"""The docs say everything that there is to say, and what they show works."""

from __future__ import annotations

import dataclasses
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from diffopt_core.cli.app import build
from diffopt_core.cli.flags import Context
from diffopt_core.cli.new import package
from diffopt_core.host import registry as hookspecs
from diffopt_core.host.recipe import (
    BlockSpec,
    CameraSpec,
    DrawsSpec,
    InputSpec,
    PlaceSpec,
    Recipe,
    ScaleSpec,
    StageSpec,
)
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import PriorContract
from diffopt_core.plugin import API_VERSION, KINDS, OLDEST_API
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, HumanMotion, Observations, Result

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OURS = {
    "diffopt-core",
    "diffopt-priors",
    "diffopt-cameras",
    "diffopt-inits",
    "diffopt-formats",
    "diffopt-smplify",
    "diffopt-exports",
    "diffopt-robots",
    "diffopt-render",
    "diffopt-viewer",
    "diffopt-lab",
    "diffopt-runners",
    "diffopt-pytorch3d",
}


def page(name: str) -> str:
    return (DOCS / name).read_text()


def test_every_kind_with_its_flag():
    text = page("plugins.md")
    for kind in KINDS.values():
        assert f"| `{kind.name}` | {f'`{kind.flag}`' if kind.flag else ''}" in text, kind.name


def test_every_hook():
    hooks = [name for name in vars(hookspecs) if name.startswith("diffopt_")]
    assert len(hooks) == 7
    for hook in hooks:
        assert f"`{hook}(" in page("plugins.md"), hook


def test_every_component():
    """`diffopt plugins --markdown > docs/components.md` mends this."""
    text, registry = page("components.md"), Registry.load()
    sections = {part.split("\n", 1)[0]: part for part in text.split("\n## ")}
    for (kind, name), owner in registry.owner.items():
        if kind in KINDS and owner.distribution in OURS:
            component = registry.components[kind][name]
            summary = component.summary.replace("|", " or ") + (component.upstream and f" ({component.upstream})")
            assert f"| `{name}` | {summary} | {owner.distribution} |" in sections[kind], f"{kind} {name}"


def test_what_was_run_against_upstream():
    """The commit and the date that a component names are those of the table of docs/upstream.md."""
    table, told = page("upstream.md"), 0
    for kind in Registry.load().components.values():
        for row in kind.values():
            if found := re.match(r"run against (.+) (\S+) on (\S+?)(,|$)", row.upstream):
                system, commit, date, _ = found.groups()
                assert re.search(rf"^\| {re.escape(system)} \|.*{re.escape(commit)}.*{date}", table, re.MULTILINE), (
                    row.name
                )
                told += 1
    assert told >= 10


def test_every_command_and_flag():
    text = page("cli.md")
    command, _ = build()
    for name, sub in command.commands.items():
        assert f"`{name}`" in text, name
        for param in [] if hasattr(sub, "commands") else sub.params:
            for flag in (*param.opts, *param.secondary_opts):
                assert not flag.startswith("-") or flag in text, f"{name} {flag}"


PREFIXES = {
    "": Recipe,
    "input.": InputSpec,
    "place.": PlaceSpec,
    "camera_residual.": CameraSpec,
    "scale.": ScaleSpec,
    "draws.": DrawsSpec,
}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_recipe_key_with_its_default(prefix):
    text = page("recipes.md")
    for key, field in PREFIXES[prefix].model_fields.items():
        row = re.search(rf"^\| `{re.escape(prefix + key)}` \| (.*?) \|", text, re.MULTILINE)
        assert row, f"{prefix}{key}"
        default = field.default
        if isinstance(default, str | int | float | tuple) and prefix != "" and default is not None:
            said = row[1].strip("`").strip('"').strip("[]")
            plain = str(default).lower() if isinstance(default, bool) else str(default)
            assert said == str(list(default))[1:-1] if isinstance(default, tuple) else said == plain, row[0]


@pytest.mark.parametrize("spec", [StageSpec, BlockSpec])
def test_every_key_of_stages_and_blocks(spec):
    for key in spec.model_fields:
        assert key == "block" or f"| `{key}` |" in page("recipes.md"), key


def test_every_recipe():
    text = page("recipes.md")
    for name in Registry.load().recipes:
        assert f"`{name}`" in text, name


def test_the_architecture_names_files_that_there_are():
    held = [path.as_posix() for folder in ("packages", "plugins", "tests") for path in (ROOT / folder).rglob("*.py")]
    named = re.findall(r"`([a-z0-9_/]+/[a-z0-9_]+\.py)`", page("architecture.md"))
    assert len(named) > 20
    for file in named:
        assert any(path.endswith(f"/{re.sub('^core/', 'diffopt_core/', file)}") for path in held), file


def test_the_readme_is_short():
    """A screen and a half; all else has a page of its own. Prose wraps: no line is longer than code may be."""
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) < 900
    assert all(len(line) <= 120 for line in text.splitlines() if not line.startswith(("|", "![")))


def test_the_readme_names_every_page():
    text = (ROOT / "README.md").read_text()
    for path in DOCS.rglob("*.md"):
        assert f"({path.relative_to(ROOT).as_posix()}" in text, path.name


def test_links_lead_somewhere():
    for path in [
        *ROOT.glob("*.md"),
        *DOCS.glob("*.md"),
        *ROOT.glob("p*/README.md"),
        *ROOT.glob("packages/*/README.md"),
    ]:
        for link in re.findall(r"\]\(([^)#]+)", path.read_text()):
            if "://" not in link:
                assert (path.parent / link).exists(), f"{path.name}: {link}"


def blocks(name: str, first_line: str) -> list[str]:
    """Code blocks of a page that begin with a line."""
    return [code for code in re.findall(r"```python\n(.*?)```", page(name), re.DOTALL) if code.startswith(first_line)]


def test_the_example_is_the_one_in_the_docs():
    (shown,) = blocks("plugins.md", "# diffopt_calm.py")
    file = (ROOT / "examples/calm_prior/src/diffopt_calm.py").read_text()
    body = shown.removeprefix("# diffopt_calm.py\n")
    assert body.strip() == file.split('"""', 2)[2].strip()
    assert len([line for line in body.splitlines() if line.strip()]) <= 30


def test_the_shown_plugin_keeps_its_contract(tmp_path, monkeypatch):
    (code,) = blocks("plugins.md", "# diffopt_calm.py")
    (tmp_path / "diffopt_calm.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "diffopt_calm", raising=False)

    class Calm(PriorContract):
        name = "calm"

        def registry(self):
            return Registry.load(["diffopt_calm.py"])

    contract = Calm()
    checks = [name for name in dir(contract) if name.startswith("test_")]
    assert len(checks) > 8
    for check in checks:
        getattr(contract, check)()


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [
        ("camera", "tripod", "src/diffopt_tripod/__init__.py"),
        ("camera", "tripod", "src/diffopt_tripod/camera.py"),
        ("initializer", "upright", "src/diffopt_upright/initializer.py"),
    ],
)
def test_the_shown_package_is_what_new_writes(kind, name, path):
    (shown,) = blocks("plugins.md", f"# {path}")
    assert shown == f"# {path}\n{package(kind, name)[path]}"


def test_fields_are_those_of_the_types():
    """`python tools/fields.py` mends this."""
    tool = runpy.run_path(str(ROOT / "tools" / "fields.py"))
    assert tool["page"](page("plugin-api.md")) == page("plugin-api.md")
    tables = page("plugin-api.md").split("### `")
    for found in (Clip, Observations, CameraTrajectory, CameraFrameBody, HumanMotion, Result):
        (table,) = (part for part in tables if part.startswith(f"{found.__name__}`"))
        assert all(f"| `{field.name}` |" in table for field in dataclasses.fields(found)), found.__name__


def test_versions_of_the_plugin_api():
    assert f"it is {API_VERSION}." in page("plugin-api.md") and OLDEST_API <= API_VERSION


def typed(page_: Path) -> list[list[str]]:
    """Words of the command lines that a page shows, without ``diffopt``."""
    shown = re.findall(r"^ {4}(?:uv run )?diffopt ((?:[^#\n]|(?<=\S)#)+)", page_.read_text(), re.MULTILINE)
    return [shlex.split(line) for line in shown if line.strip() and not line.startswith(("COMMAND", "-"))]


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda path: path.stem)
def test_shown_commands_have_their_flags_and_fit_one_another(path):
    """Every flag exists; and no run of a page meets the folder of an earlier one."""
    tree, _ = build()
    folders: set[str] = set()
    for name, *words in typed(path):
        command = tree.commands[name]
        if hasattr(command, "commands") and words and words[0] in command.commands:
            command, words = command.commands[words[0]], words[1:]
        given, rest, _ = command.make_parser(Context(command)).parse_args(list(words))
        inputs = [word for word in rest if not word.startswith("-")]
        if name == "run" and len(inputs) == 1 and "runner" not in given and not inputs[0].endswith("run.json"):
            folder = given.get("home", f"runs/{Path(inputs[0]).stem}")
            assert folder not in folders or "overwrite" in given, f"{inputs[0]}: {folder} holds another run"
            folders.add(folder)
