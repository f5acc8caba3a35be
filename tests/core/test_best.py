"""Recipe `best`: what it adds, and that `paper` has none of it."""

from __future__ import annotations

from diffopt_core.host.recipe import load, parse
from diffopt_core.host.registry import Registry


def test_best_parses_and_paper_has_no_part_of_it():
    known = Registry.load().recipes
    best, paper = (parse(load(name, known), name) for name in ("best", "paper"))
    assert best.scale.happens_in("guide") and not best.scale.happens_in("finetune")
    assert not any(paper.scale.happens_in(stage) for stage in paper.schedule)
    assert (paper.place.scale, paper.place.travel_sigma, paper.scale.refit) == ("auto", None, False)
    assert best.schedule == paper.schedule


def test_the_scale_may_be_corrected_in_several_stages():
    known = Registry.load().recipes
    table = load("best", known) | {"scale": {"mode": "stance", "stage": ["guide", "finetune"]}}
    scale = parse(table, "mine").scale
    assert scale.happens_in("guide") and scale.happens_in("finetune") and not scale.happens_in("warmup")
