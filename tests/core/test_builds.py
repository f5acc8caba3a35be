"""From a row to an object: what is built as data, class variables that rows set, contexts that hand themselves on."""

from __future__ import annotations

import types
from typing import ClassVar

import pytest
import torch
from diffopt_core.config import ComponentConfig
from diffopt_core.errors import DiffOptError, UnknownName
from diffopt_core.host.registry import Plugin, Registry
from diffopt_core.plugin import Component, fixed, hookimpl


class Still:
    """A camera source that remembers what it was made with."""

    def __init__(self, config=None, ctx=None, **arguments):
        self.config, self.ctx, self.arguments = config, ctx, arguments

    def trajectory(self, clip, observations):
        raise NotImplementedError


class Moved(Still):
    pass


class StillConfig(ComponentConfig):
    """Stands."""

    builds: ClassVar[str] = f"{__name__}:Still"
    word: ClassVar[str] = "own"

    moves: bool = False

    def target(self) -> str:
        return f"{__name__}:Moved" if self.moves else self.builds


class NothingConfig(ComponentConfig):
    pass


class WholeConfig(ComponentConfig):
    """Builds its parts by its context."""

    def build(self, ctx):
        return Still(self, ctx, part=ctx.build("camera", "still", moves=True))


HERE = f"{__name__}:StillConfig"
ROWS = [
    Component("camera", "still", HERE, "stands"),
    Component("camera", "other", HERE, "stands elsewhere", sets={"word": "the row's"}),
    fixed("camera", "plain", f"{__name__}:Still", "has no options", at="home"),
    Component("camera", "nothing", f"{__name__}:NothingConfig", "names nothing"),
    Component("camera", "whole", f"{__name__}:WholeConfig", "has parts"),
]


@pytest.fixture
def registry() -> Registry:
    module = types.ModuleType("stills")
    module.diffopt_components = hookimpl(lambda: ROWS)
    module.diffopt_components.__name__ = "diffopt_components"
    made = Registry()
    made.add(module, Plugin("stills", "diffopt-stills", "1.0"))
    return made


def test_the_object_gets_its_settings_and_the_context(registry):
    ctx = registry.context("cpu", seed=7, env="uv")
    built = ctx.build("camera", "still")
    assert type(built) is Still and built.config == StillConfig() and built.ctx is ctx
    assert (ctx.device, ctx.seed, ctx.env) == (torch.device("cpu"), 7, "uv")


def test_settings_may_choose_the_class_by_keyword_or_by_mapping(registry):
    ctx = registry.context()
    for built in (ctx.build("camera", "still", moves=True), ctx.build("camera", "still", {"moves": True})):
        assert type(built) is Moved and built.config.moves
    with pytest.raises(UnknownName, match="moves"):
        ctx.build("camera", "still", move=True)


def test_a_row_sets_class_variables_of_its_config_alone(registry):
    other, still = (registry.config_class("camera", name) for name in ("other", "still"))
    assert (other.word, still.word) == ("the row's", "own") and other.__doc__ == still.__doc__
    assert registry.config("camera", "other", {"moves": True}).moves
    assert registry.config("camera", "other", {}) == registry.config("camera", "other", {})


def test_a_component_without_options_is_a_row(registry):
    assert registry.context().build("camera", "plain").arguments == {"at": "home"}
    assert registry.component("camera", "plain").package == __name__.partition(".")[0]
    with pytest.raises(DiffOptError, match="at"):
        registry.config("camera", "plain", {"at": "away"})


def test_parts_see_the_context_of_the_whole(registry):
    ctx = registry.context(seed=3)
    assert ctx.build("camera", "whole").arguments["part"].ctx is ctx


def test_a_config_that_names_nothing_says_so(registry):
    with pytest.raises(DiffOptError, match=r"camera 'nothing' of diffopt-stills failed .*NothingConfig: name what"):
        registry.context().build("camera", "nothing")
