"""Recipes: data that resolves, checks itself, and says which key is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from diffopt_core.common.documents import dumps
from diffopt_core.errors import BadInput, DiffOptError, UnknownName
from diffopt_core.host.recipe import ROLES, Recipe, assign, difference, load, merge, parse
from hypothesis import given, settings
from hypothesis import strategies as st

SHIPPED = Path(__file__).parents[2] / "packages/diffopt-core/src/diffopt_core/parts/recipes"
KNOWN = {path.relative_to(SHIPPED).with_suffix("").as_posix(): path for path in SHIPPED.rglob("*.toml")}


def write(folder: Path, **recipes: str) -> dict[str, Path]:
    """Recipe files by name."""
    known = {}
    for name, text in recipes.items():
        known[name] = folder / f"{name}.toml"
        known[name].write_text(text)
    return known


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_shipped_recipe_parses_and_says_what_it_is(name):
    recipe = parse(load(name, KNOWN), name)
    assert recipe.summary
    assert recipe.schedule


@pytest.mark.parametrize("name", sorted(name for name in KNOWN if name.startswith("table5/")))
def test_every_row_of_table_5_is_a_short_patch_of_the_paper(name):
    table = tomllib.loads(KNOWN[name].read_text())
    assert table["extends"] == "paper"
    lines = [line for line in KNOWN[name].read_text().splitlines() if line.split("#")[0].strip()]
    assert len([line for line in lines if not line.startswith(("extends", "summary"))]) <= 5
    assert difference(parse(load(name, KNOWN)).dump(), parse(load("paper", KNOWN)).dump())


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_dump_and_parse_round_trip(name):
    recipe = parse(load(name, KNOWN))
    assert parse(recipe.dump()) == recipe
    assert parse(tomllib.loads(dumps(recipe.dump()))) == recipe


def test_extends_merges_and_the_nearer_wins(tmp_path):
    known = write(
        tmp_path,
        base='summary = "base"\nschedule = ["s"]\n[stage.s]\nblocks = ["all"]\n'
        '[stage.s.all]\nfree = ["motion.*"]\nterms = { pose = 1.0 }\nsteps = 10\n',
        faster='extends = "base"\nstage.s.all.steps = 3\n',
        other='extends = ["base", "faster"]\nsummary = "other"\n',
    )
    recipe = parse(load("other", known))
    block = recipe.stage["s"].block["all"]
    assert (recipe.summary, block.steps, block.terms) == ("other", 3, {"pose": 1.0})


def test_a_path_is_a_recipe_too(tmp_path):
    known = write(tmp_path, base='summary = "base"')
    (tmp_path / "mine.toml").write_text('extends = "base"\nprior = "none"')
    assert parse(load(str(tmp_path / "mine.toml"), known)).prior.name == "none"


def test_a_role_that_changes_its_plugin_drops_the_old_options():
    base = {"prior": {"name": "mdm", "timesteps": [0.02, 0.5]}}
    assert merge(base, {"prior": "vposer"})["prior"] == {"name": "vposer", "options": {}}
    assert merge(base, {"prior": "mdm"})["prior"]["options"] == {"timesteps": [0.02, 0.5]}
    kept = merge(base, {"prior": {"name": "mdm", "window": 60}})["prior"]
    assert kept == {"name": "mdm", "options": {"timesteps": [0.02, 0.5], "window": 60}}
    assert merge(base, {"prior": {"window": 60}})["prior"] == kept


@pytest.mark.parametrize("role", sorted(ROLES))
def test_options_of_a_role_that_the_recipe_does_not_mention(role):
    """`--set dataset.x=1` means the default component, whether or not a recipe names it."""
    table = assign({}, [f"{role}.x=1"])
    assert table[role] == {"name": getattr(Recipe(), role).name, "options": {"x": 1}}


def test_precedence(tmp_path):
    """Defaults < extends < recipe < role flags < --set, as the command line lays them on one another."""
    known = write(
        tmp_path,
        base='prior = { name = "mdm", a = 1 }\n[input]\nstart = 3\n',
        top='extends = "base"\nprior = { a = 2, b = 2 }\n',
    )
    table = load("top", known)
    assert parse(table).input.start == 3 and parse(table).input.stop is None
    assert parse(table).prior.options == {"a": 2, "b": 2}
    flagged = merge(table, {"prior": "other"})
    assert parse(flagged).prior.options == {}
    final = parse(assign(flagged, ["prior.a=5", "input.start=7", "prior.a=6"]))
    assert (final.prior.name, final.prior.options, final.input.start) == ("other", {"a": 6}, 7)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-3", 1e-3),
        ("[0.02, 0.5]", [0.02, 0.5]),
        ("true", True),
        ("nc", "nc"),
        ('"3"', "3"),
        ("a b", "a b"),
    ],
)
def test_set_reads_toml_or_else_a_plain_string(text, value):
    assert assign({}, [f"prior.x={text}"])["prior"]["options"]["x"] == value


STAGE = {"blocks": ["all"], "all": {"free": ["motion.*"], "terms": {"pose": 1.0}}}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"shedule": ["a"]}, "unknown key of mine 'shedule'. Did you mean 'schedule'?"),
        ({"input": {"frames": 3}}, "unknown key of mine 'input.frames'."),
        ({"place": {"dept": "given"}}, "Did you mean 'place.depth'?"),
        ({"stage": {"s": {**STAGE, "round": 3}}}, "Did you mean 'stage.s.rounds'?"),
        (
            {"stage": {"s": {"blocks": ["all"], "all": {**STAGE["all"], "step": 1}}}},
            "Did you mean 'stage.s.all.steps'?",
        ),
        ({"stage": {"s": {"blocks": ["all"]}}}, "block 'all' is listed in blocks, but the stage has no table"),
        ({"schedule": ["s"]}, "stage 's', but there is no table"),
        ({"stage": {"s": {**STAGE, "rounds": 0}}}, "mine: stage.s.rounds: "),
        ({"scale": "distiled"}, "mine: scale.mode: "),
        ({"prior": 3}, "expected a component's name, or a table"),
        ({"terms": {"pose": {"weight": "x"}}, "prior": {"timesteps": 1}}, "needs a `name`"),
    ],
)
def test_a_wrong_key_is_named(table, message):
    with pytest.raises(DiffOptError) as error:
        parse(table, "mine")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("recipes", "ask", "error", "message"),
    [
        ({"a": 'extends = "b"', "b": 'extends = "a"'}, "a", DiffOptError, "extends itself: a -> b -> a"),
        ({"paper": ""}, "papper", UnknownName, "unknown recipe 'papper'. Did you mean 'paper'?"),
        ({"a": 'extends = "papper"', "paper": ""}, "a", UnknownName, "papper"),
        ({"a": "x = "}, "a", BadInput, "a.toml: TOML: "),
        ({}, "gone.toml", BadInput, "gone.toml: file: does not exist"),
    ],
)
def test_a_recipe_that_cannot_be_read(tmp_path, recipes, ask, error, message):
    known = write(tmp_path, **recipes)
    with pytest.raises(error) as caught:
        load(ask, known)
    assert message in str(caught.value)


@pytest.mark.parametrize("setting", ["prior", "=3", ""])
def test_set_without_a_key_or_a_value(setting):
    with pytest.raises(DiffOptError, match=r"expected key\.path=value"):
        assign({}, [setting])


def test_difference_lists_leaves():
    a, b = {"x": 1, "y": {"z": 2, "w": 3}}, {"x": 1, "y": {"z": 4}}
    assert difference(a, b) == [("y.w", 3, None), ("y.z", 2, 4)]


MISSPELT = "'stage.guide.humans'. Did you mean 'stage.guide.human'? Known: stage.guide.camera, stage.guide.human"


def test_a_misspelt_block_is_named(tmp_path):
    with pytest.raises(UnknownName) as error:
        assign(load("paper", KNOWN), ["stage.guide.humans.lr=1"])
    assert str(error.value) == f"unknown block of the settings {MISSPELT}"
    mine = tmp_path / "mine.toml"
    mine.write_text('extends = "paper"\n[stage.guide.humans]\nterms = { pose = 1.0 }\n')
    with pytest.raises(UnknownName) as error:
        load(str(mine), KNOWN)
    assert str(error.value) == f"unknown block of {mine} {MISSPELT}"


def test_an_inherited_block_that_is_no_longer_listed_is_dropped(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('extends = "paper"\n[stage.guide]\nblocks = ["human"]\n')
    assert set(parse(load(str(mine), KNOWN)).stage["guide"].block) == {"human"}


def test_a_misspelt_stage_is_named():
    table = assign(load("paper", KNOWN), ["stage.giude.human.lr=1"])
    with pytest.raises(DiffOptError, match=r"mine: stage\.giude\.blocks: Field required\. Did you mean 'guide'\?"):
        parse(table, "mine")


names = st.text("abcdefgh_.*- ", min_size=1, max_size=8)
leaves = st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6) | st.text(max_size=12)
tables = st.recursive(
    st.dictionaries(names, leaves | st.lists(leaves, max_size=4), max_size=5),
    lambda inner: st.dictionaries(names, leaves | inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(tables)
def test_any_table_survives_toml(table):
    assert tomllib.loads(dumps(table)) == table


@settings(max_examples=60, deadline=None)
@given(tables, tables)
def test_merge_is_idempotent_and_keeps_its_arguments(base, over):
    before = repr((base, over))
    once = merge(base, over)
    assert merge(once, over) == once
    assert merge(base, {}) == base
    assert repr((base, over)) == before


def test_a_weight_called_like_a_role_is_a_weight():
    table = assign(load("paper", KNOWN), ["stage.finetune.all.terms.prior=3"])
    assert parse(table).stage["finetune"].block["all"].terms["prior"] == 3
