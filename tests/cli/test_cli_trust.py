"""Only the user's own words start a program: what recipes and run files name is refused until the user says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_cases import QUICK

PLUGIN = "import pathlib\npathlib.Path('ran').touch()\n"


@pytest.fixture
def gift(diffopt, case) -> Path:
    """A run file that names a plugin, which leaves a mark where it is executed."""
    assert diffopt("run", case, "--out", "out", "--quiet", *QUICK).status == 0
    Path("theirs.py").write_text(PLUGIN)
    path = Path("out/run.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"plugins": ["theirs.py"]}))
    return path


def test_a_run_file_loads_no_code(diffopt, gift):
    ran = diffopt("run", gift)
    assert ran.status == 2 and not Path("ran").exists() and not Path("out-repeat").exists()
    assert "plugins" in ran.error and "theirs.py" in ran.error and "--trust" in ran.error
    for word in (("-p", "theirs.py"), ("--trust",)):
        ran = diffopt("run", gift, "--overwrite", "--no-picture", "--no-report", *word)
        assert ran.status == 0 and "bit for bit" in ran.out, ran.err
        assert Path("ran").exists()
        Path("ran").unlink()


@pytest.mark.parametrize("plugins", ["theirs.py", [1], {"theirs.py": 1}])
def test_plugins_of_a_run_file_are_names(diffopt, gift, plugins):
    gift.write_text(json.dumps(json.loads(gift.read_text()) | {"plugins": plugins}))
    assert "plugins" in diffopt("run", gift, "--trust").error
    assert not Path("ran").exists()


def test_a_run_file_names_no_program(diffopt, gift):
    saved = json.loads(gift.read_text()) | {"plugins": []}
    saved["recipe"]["initializer"] = {"name": "vibe", "options": {"repository": "theirs"}}
    gift.write_text(json.dumps(saved))
    ran = diffopt("run", gift)
    assert ran.status == 2 and "initializer.repository" in ran.error and "--trust" in ran.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "key", "word"),
    [
        ('detector = { name = "mediapipe", env = "./evil.sh" }', "detector.env", "--set=detector.env=./evil.sh"),
        ('detector = { name = "auto", video = "vitpose", env = "a" }', "detector.env", "--set=detector.env=a"),
        ('detector = { env = "a" }', "detector.env", "--trust"),
        ('input = { env = "./evil.sh" }', "input.env", "--env=./evil.sh"),
        ('camera = { name = "droid", repository = "a" }', "camera.repository", "--set=camera.repository=a"),
        ('camera = { name = "droid", weights = "a" }', "camera.weights", "--trust"),
        ('initializer = { name = "vibe", checkpoint = "a" }', "initializer.checkpoint", "--set=init.checkpoint=a"),
        ('initializer = { name = "hmr2", checkpoint = "a" }', "initializer.checkpoint", "--init=given"),
        ('exporters = [{ name = "fbx", env = "./evil.sh" }]', "exporters.0.env", "--set=exporters=['npz']"),
    ],
)
def test_a_recipe_names_no_program(diffopt, case, table, key, word):
    Path("theirs.toml").write_text(f'extends = "paper"\n{table}\n')
    Path("mine.toml").write_text('extends = "theirs.toml"\n')
    for recipe in ("theirs.toml", "mine.toml"):
        ran = diffopt("check", case, "--recipe", recipe)
        assert ran.status == 2 and f"{key}: a file alone" in ran.error and "--trust" in ran.error
        assert "a file alone" not in diffopt("check", case, "--recipe", recipe, word).err
    assert diffopt("recipe", "theirs.toml").status == 0, "to look at it is safe"


def test_another_word_of_the_user_allows_nothing(diffopt, case):
    Path("theirs.toml").write_text('extends = "paper"\ndetector = { name = "mediapipe", env = "./evil.sh" }\n')
    for word in ("--env=./evil.sh", "--set=detector.complexity=2", "--set=initializer.env=./evil.sh"):
        assert "detector.env: a file alone" in diffopt("check", case, "--recipe", "theirs.toml", word).error
