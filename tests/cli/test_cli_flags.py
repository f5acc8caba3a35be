"""What every command has: ``--json``, ``--quiet``, ``--debug``; and what TAB offers."""

from __future__ import annotations

import json
import logging
import math
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_cases import QUICK
from diffopt_core.cli import flags
from diffopt_core.cli.app import build
from diffopt_core.cli.choice import SCALES
from diffopt_core.common import output as voice
from diffopt_core.host.choice import FLAGS
from diffopt_core.host.recipe import ROLES, ScaleSpec
from diffopt_core.host.registry import Registry
from diffopt_core.plugin import KINDS
from diffopt_core.types import Status
from hypothesis import given
from hypothesis import strategies as st

COMMANDS = sorted(flags.leaves(build()[0]))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_shared_flags(name):
    """Plugins' commands too, which need not declare them."""
    command = flags.leaves(build()[0])[name]
    names = [option for param in command.params for option in param.opts]
    for flag in (*flags.JSON, *flags.QUIET, *flags.DEBUG):
        assert names.count(flag) == 1, f"{name} {flag}: {names.count(flag)}"


def test_flags_of_roles_are_those_of_recipes():
    assert set(FLAGS.values()) == set(ROLES) and all(role == kind for role, kind in ROLES.items())
    assert ScaleSpec.model_fields["mode"].annotation.__args__ == SCALES


def test_help_and_docs_tell_every_way_to_correct_the_scale():
    row = next(param for param in flags.leaves(build()[0])["run"].params if param.name == "scale")
    page = (Path(__file__).parents[2] / "docs/cli.md").read_text()
    (told,) = [line for line in page.splitlines() if line.startswith("| `--scale ")]
    assert row.metavar == "|".join(SCALES) and "`--scale none\\|distilled\\|stance`" in told
    assert all(mode in row.help and f"`{mode}`" in told for mode in SCALES if mode != "none")


CHEAP = {
    ("plugins",): {"components", "quarantine"},
    ("plugins", "prior"): {"components", "quarantine"},
    ("plugins", "--markdown"): {"markdown"},
    ("show", "prior"): {"kind", "summary", "flag", "components"},
    ("show", "prior", "none"): {
        "kind", "name", "summary", "upstream", "description", "options", "distribution", "version", "config",
        "terms_of_use",
    },
    ("recipe",): {"recipes"},
    ("recipe", "paper"): {"name", "recipe"},
    ("recipe", "paper", "--diff", "table5/no-warmup"): {"left", "right", "differences"},
    ("weights", "list"): {"folder", "files"},
    ("weights", "where"): {"folder"},
}  # fmt: skip


@pytest.mark.parametrize("args", CHEAP, ids=" ".join)
def test_one_document_and_nothing_else(diffopt, args):
    ran = diffopt(*args, "--json")
    assert ran.status == 0 and set(json.loads(ran.out)) == CHEAP[args]
    quiet = diffopt(*args, "--json", "--quiet")
    assert (quiet.out, quiet.err) == (ran.out, "")
    assert (diffopt(*args, "-q").out, diffopt(*args, "-q").err) == ("", "")


def test_what_is_listed_is_what_there_is(diffopt):
    rows = json.loads(diffopt("plugins", "--json").out)["components"]
    registry = Registry.load()
    assert {(row["kind"], row["name"]) for row in rows} == {(k, n) for k in KINDS for n in registry.components[k]}
    assert {row["name"] for row in json.loads(diffopt("recipe", "--json").out)["recipes"]} == set(registry.recipes)
    differs = json.loads(diffopt("recipe", "table5/no-warmup", "--diff", "paper", "--json").out)["differences"]
    assert {"key": "schedule", "left": ["warmup", "guide", "finetune"], "right": ["guide", "finetune"]} in differs


@pytest.mark.slow
def test_run_and_its_like(diffopt, scored):
    data = json.loads(diffopt("check", scored, "--json", "--prior", "none").out)
    assert data["ready"] and data["clips"][0]["truth"] and data["stages"][0]["stage"] == "warmup"
    ran = diffopt("run", scored, "--out", "out", "--json", *QUICK)
    (result,) = json.loads(ran.out)["results"]
    assert result["status"] == "finished" and result["final"]["rigid_clip"] > 0 and result["units"]["RTE"] == "%"
    assert {"motion.npz", "run.json"} <= set(result["files"]) and Path(result["folder"]) == Path("out")
    assert "guide" in ran.err, "progress stays where it is"
    again = diffopt("run", scored, "--out", "out", "--json", "-q", *QUICK)
    assert json.loads(again.out) == {"results": [], "kept": 1, "failed": []} and again.err == ""
    repeated = json.loads(diffopt("run", "out/run.json", "--no-picture", "--json").out)
    assert repeated["identical"] is True and repeated["results"][0]["clip"] == "walk"
    truth = scored.parent / "truth"
    scores = diffopt("eval", "out", "--truth", truth, "--json", "-m", "rigid_clip")
    assert json.loads(scores.out)["clips"]["walk"]["rigid_clip"] == pytest.approx(
        result["final"]["rigid_clip"], rel=1e-3
    )
    assert diffopt("eval", "out", "--truth", truth, "-q").out == ""
    made = diffopt("simulate", truth, "--out", "cases", "-n", "1", "--frames", "10", "--fps", "30", "--json")
    assert json.loads(made.out)["folder"] == "cases" and len(json.loads(made.out)["cases"]) == 1


def test_diverged_is_a_document_and_status_1(diffopt, case):
    Path("nan_prior.py").write_text(
        "from diffopt_core.config import TermConfig\n"
        "from diffopt_core.plugin import Component, hookimpl\n"
        "class Config(TermConfig):\n"
        "    def build(self, ctx):\n"
        "        return lambda scene: scene.motion.trans.sum((1, 2)) / (scene.progress == 0)\n"
        "@hookimpl\n"
        "def diffopt_components():\n"
        "    return [Component('prior', 'nan', f'{__name__}:Config', 'nan')]\n"
    )
    ran = diffopt("run", case, "--out", "out", "-p", "nan_prior.py", *QUICK, "--prior", "nan", "--json")
    assert ran.status == 1 and json.loads(ran.out)["results"][0]["status"] == "diverged" and "diverged" in ran.error


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["show", "prior", "mmd"], 2, "Did you mean 'mdm'?"),
        (["run", "gone.npz"], 2, "gone.npz"),
        (["run", "x.npz", "--piror", "mdm"], 2, "No such option: --piror"),
        (["rn"], 2, "No such command"),
    ],
)
def test_an_error_is_a_document_too(diffopt, args, status, said):
    ran = diffopt(*args, "--json")
    document = json.loads(ran.out)
    assert ran.status == status and set(document) == {"error", "status"} and document["status"] == status
    assert said in document["error"] and said in ran.error
    assert diffopt(*args).out == "" and said in diffopt(*args, "--quiet").error


def test_a_fault_leaves_one_document(diffopt, case, monkeypatch):
    import diffopt_core.results.execute

    monkeypatch.setattr(diffopt_core.results.execute, "execute", lambda *_, **__: 1 / 0)
    ran = diffopt("run", case, "--out", "out", "--json", *QUICK)
    assert ran.status == 70 and json.loads(ran.out)["status"] == 70


def test_interrupted_leaves_one_document(diffopt, case, monkeypatch):
    import diffopt_core.results.execute

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(diffopt_core.results.execute, "execute", interrupt)
    ran = diffopt("run", case, "--out", "out", "--json", *QUICK)
    assert (ran.status, json.loads(ran.out)) == (130, {"error": "interrupted", "status": 130})
    assert "interrupted" in ran.err


def test_a_full_standard_output_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    code = "import sys; from diffopt_core.cli import main; sys.exit(main(sys.argv[1:]))"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, "weights", "where", "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2 and done.stderr.splitlines()[0].startswith("error: standard output: cannot be written")
    assert "Traceback" not in done.stderr


def test_what_a_plugin_prints_does_not_spoil_the_document(diffopt, monkeypatch):
    """A command of a stranger, which knows nothing of these flags."""
    import importlib.metadata
    import types

    from diffopt_core.plugin import hookimpl

    def commands(app):
        @app.command()
        def hello() -> None:
            """Greets."""
            print("hello")

        @app.command()
        def sigh() -> None:
            """Warns, by a logger of its own."""
            logging.getLogger("stranger.polite").warning("slowly")

    entry = types.SimpleNamespace(
        name="polite", dist=types.SimpleNamespace(name="diffopt-polite", version="1"),
        load=lambda: types.SimpleNamespace(diffopt_commands=hookimpl(commands)),
    )  # fmt: skip
    real = list(importlib.metadata.entry_points(group="diffopt"))
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [*real, entry])
    ran = diffopt("hello", "--json")
    assert json.loads(ran.out) == {"status": 0} and ran.err == "hello\n"
    assert diffopt("hello").out == "hello\n"
    assert diffopt("sigh").err == "notice: slowly\n" and diffopt("sigh", "--quiet").err == ""


@pytest.mark.slow
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_plain_is_json(value):
    json.dumps(voice.plain(value), allow_nan=False)


def test_plain_of_what_commands_have():
    given_ = {
        "path": Path("a/b"),
        "status": Status.FINISHED,
        "n": np.float32(2),
        "i": np.int64(3),
        "nan": math.nan,
        4: (1, {2}),
    }
    told = {"path": "a/b", "status": "finished", "n": 2.0, "i": 3, "nan": None, "4": [1, [2]]}
    assert voice.plain(given_) == told


def test_a_document_is_delivered_once(capsys):
    """A server gives its document and goes on; what ends it later adds none."""
    with voice.speaking() as stdout:
        voice.listen(as_json=True)
        voice.answer({"url": "here"})
        voice.deliver()
        assert json.loads(capsys.readouterr().out) == {"url": "here"}
        voice.deliver()
        voice.finish(stdout, 130, "interrupted")
    assert capsys.readouterr().out == ""


# --- completion -----------------------------------------------------------------------------------------------------

ENTRY = """
import sys
from diffopt_core.cli import main
try:
    main(sys.argv[1:])
finally:
    heavy = {"torch", "numpy", "scipy", "rich", "matplotlib"} & set(sys.modules)
    print("HEAVY", sorted(heavy), file=sys.stderr)
"""


def complete(line: str, shell: str = "bash") -> list[str]:
    words = line.split(" ")
    asked = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
    }[shell]
    env = os.environ | {"_DIFFOPT_COMPLETE": f"complete_{shell}", **asked}
    done = subprocess.run([sys.executable, "-c", ENTRY], env=env, capture_output=True, text=True, timeout=60)
    # The library reads the words' meanings through rich, which bash does not show.
    assert done.stderr in ({"HEAVY []\n"} if shell == "bash" else {"HEAVY []\n", "HEAVY ['rich']\n"})
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "some", "none"),
    [
        ("diffopt r", {"run", "recipe"}, {"show", "eval"}),
        ("diffopt train ", {"mdm", "vposer"}, {"run"}),
        ("diffopt run --prior ", {"mdm", "none", "smooth"}, {"nemo"}),
        ("diffopt run x.npz --repr ne", {"nemo"}, {"raw"}),
        ("diffopt run --recipe table5/", {"table5/no-warmup"}, {"paper"}),
        ("diffopt run --scale ", {"none", "distilled"}, set()),
        ("diffopt run --json --export glb,", {"glb,bvh"}, {"glb,glb"}),
        ("diffopt export out --to bvh,c", {"bvh,csv"}, {"bvh,glb"}),
        ("diffopt show ", set(KINDS), {"mdm"}),
        ("diffopt show prior md", {"mdm"}, {"none", "nemo"}),
        ("diffopt recipe paper --diff bes", {"best"}, {"paper"}),
        ("diffopt eval out --metric rigid", {"rigid_clip"}, {"RTE"}),
        ("diffopt eval out --protocol emdb2/", {"emdb2/wham", "emdb2/tram"}, set()),
        ("diffopt ablate table", {"table2", "table5", "table5/no-warmup"}, {"paper"}),
        ("diffopt run --qui", {"--quiet"}, {"--json"}),
    ],
)
def test_tab(line, some, none):
    offered = set(complete(line))
    assert some <= offered and not none & offered


@pytest.mark.slow
def test_tab_in_zsh_says_what_a_word_means():
    text = "\n".join(complete("diffopt run --prior ", "zsh"))
    assert text.startswith("_arguments") and '"mdm":"motion diffusion model, score distillation"' in text
    assert '"run"' in "\n".join(complete("diffopt ", "zsh"))


def test_tab_is_quick():
    """Half a second of one processor, measured 0.3 to 0.5; the bound leaves room for machines that are busy or slow."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    complete("diffopt run --prior m")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5.0


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_script_for_a_shell_calls_this_command(shell):
    env = os.environ | {"_DIFFOPT_COMPLETE": f"source_{shell}"}
    done = subprocess.run([sys.executable, "-c", ENTRY], env=env, capture_output=True, text=True, timeout=60)
    assert f"_DIFFOPT_COMPLETE=complete_{shell}" in done.stdout and "diffopt" in done.stdout
