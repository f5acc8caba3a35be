"""The text part of a report: metrics, settings, provenance."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from diffopt_core.common.documents import dumps
from diffopt_core.common.output import HINT
from diffopt_core.common.words import percent
from diffopt_core.errors import DiffOptError
from diffopt_core.host.recipe_spec import ROLES
from diffopt_core.parts.assumed import grounds, marked
from diffopt_core.parts.metrics import OF_ITSELF
from diffopt_core.parts.metrics.quality import UNITS, nearest, quality, true_quality
from diffopt_core.parts.metrics.report import metrics_named
from diffopt_core.results.folder import evidence, focal_from
from diffopt_core.types import Result

#: Metrics at the top of the page: the first four available.
_HEAD = ("rigid_clip", "W-MPJPE100", "RTE", "pa_mpjpe", "WA-MPJPE100", "jitter", "foot skate", "reprojection", "speed",
         "path")  # fmt: skip
#: Metrics for which lower is not better.
_NEUTRAL = frozenset({"speed", "path", "path_ratio", "foot skate"}) | OF_ITSELF

_NONE = (None, None)
#: Ends a notice of something doubtful.
_MARKED = "; the result is marked as not trusted"
#: Facts that have their own lines under the title.
_AT_THE_TOP = frozenset({"warnings", "doubts", "not_trusted"})


@dataclass(frozen=True)
class Figure:
    """``initial``: None without an initial value; ``finals``: one per result; nan is unknown. ``truth``: the ground
    truth's own value, None if unknown. ``less``: lower is better."""

    name: str
    unit: str
    initial: float | None
    finals: tuple[float, ...]
    less: bool
    truth: float | None = None


def figures_of(results: Sequence[Result]) -> list[Figure]:
    """Accuracy metrics first, then plausibility; with the initial placement's values for a single result."""
    rows: list[Figure] = []
    names = list(dict.fromkeys(name for r in results for name in r.metrics.get("final", {})))
    for name in names:
        finals = tuple(_number(r.metrics.get("final", {}).get(name)) for r in results)
        first = _number(results[0].metrics.get("initial", {}).get(name)) if len(results) == 1 else None
        unit = _marked(_unit(name), results) if name in OF_ITSELF else _unit(name)
        true = results[0].metrics.get("truth", {}).get(name)
        rows.append(Figure(name, unit, first, finals, name not in _NEUTRAL, true))
    true_own = true_quality(results[0].clip)
    own = [quality(result) for result in results]
    for name, unit in UNITS.items():
        finals = tuple(_number(table.get(name, _NONE)[1]) for table in own)
        first = _number(own[0].get(name, _NONE)[0]) if len(results) == 1 else None
        rows.append(
            Figure(name, _marked(unit, results), first, finals, name not in _NEUTRAL, true_own.get(name))
        )  # fmt: skip
    return [row for row in rows if any(map(math.isfinite, row.finals))]


def head_of(figures: Sequence[Figure]) -> list[Figure]:
    by_name = {row.name: row for row in figures}
    return [by_name[name] for name in _HEAD if name in by_name][:4]


def written(value: float | None) -> str:
    """Three significant digits, no exponent."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def change(first: float | None, last: float) -> str:
    return percent(first, last).replace("-", "−").replace("%", "\N{NO-BREAK SPACE}%")


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _unit(name: str) -> str:
    """Unit of a built-in metric; empty for a plugin's, as a report does not load plugins."""
    try:
        unit = metrics_named([name])[name].unit
    except DiffOptError:
        return ""
    return {"10 m/s^3": "10 m/s³"}.get(unit, unit)


def _marked(unit: str, results: Sequence[Result]) -> str:
    """The unit, marked if the scale of any result is guessed."""
    return max((marked(unit, result) for result in results), key=len)


Rows = Iterable[Sequence[str]]


def tiles(figures: Sequence[Figure]) -> str:
    """The first metrics, large; initial and final if there is an initial value."""
    cells = []
    for row in head_of(figures):
        before = f"<span class='was'>{written(row.initial)} →</span> " if row.initial is not None else ""
        moved = change(row.initial, row.finals[0])
        note = f"<span class='{_mood(row)}'>{moved}</span>" if moved else ""
        cells.append(
            f"<div class='tile'><dt>{escape(row.name)}</dt><dd>{before}<b>{written(row.finals[0])}</b> "
            f"<small>{escape(row.unit)}</small> {note}</dd></div>"
        )
    return f"<dl class='tiles'>{''.join(cells)}</dl>" if cells else ""


def figure_table(figures: Sequence[Figure], labels: Sequence[str]) -> str:
    """Initial and final of one result, or the finals of several, with those closest to the ground truth in bold; and
    the ground truth's own values, if there is one."""
    scored = any(row.truth is not None for row in figures)
    heads, lines = ["truth"] if scored else [], []
    for row in figures:
        true = [written(row.truth)] if scored else []
        if len(labels) == 1:
            moved = f"<span class='{_mood(row)}'>{change(row.initial, row.finals[0])}</span>"
            lines.append((_named(row), written(row.initial), f"<b>{written(row.finals[0])}</b>", moved, *true))
            continue
        near = nearest(row.finals, row.truth)
        cells = [f"<b>{written(value)}</b>" if n in near else written(value) for n, value in enumerate(row.finals)]
        lines.append((_named(row), *cells, *true))
    if len(labels) == 1:
        return table(("", "initial", "final", "change", *heads), lines, "numbers")
    return table(("", *map(escape, labels), *heads), lines, "numbers")


def rests_on(results: Sequence[Result]) -> str:
    """Sources and assumptions of the first result, shown under the title, with guesses marked."""
    cells = [
        f"<div class='{'guess' if ground.guessed else 'known'}'><dt>{escape(ground.what)}</dt>"
        f"<dd>{escape(ground.said)}</dd></div>"
        for ground in grounds(results[0])
    ]
    return f"<dl class='grounds' aria-label='What this rests on'>{''.join(cells)}</dl>" if cells else ""


def told(results: Sequence[Result], labels: Sequence[str]) -> str:
    """What is not trusted, then what was said while each result was made, a line each."""
    lines: list[str] = []
    for result, label in zip(results, labels, strict=True):
        mark = f"<i>{escape(label)}</i> " if len(results) > 1 else ""
        notices = [
            str(text).removeprefix(HINT).removeprefix(f"{result.clip.name}: ")
            for text in result.clip.facts.get("warnings", ())
        ]
        for doubt in result.untrusted:
            core = doubt.removeprefix("the ")
            said = next((text for text in notices if core in text), doubt)  # a notice has the remedy, too
            notices = [text for text in notices if core not in text]
            lines.append(f"<li class='doubt'>{mark}<b>Not trusted:</b> {escape(said.removesuffix(_MARKED))}</li>")
        lines += [f"<li>{mark}{escape(text)}</li>" for text in notices]
    return f"<ul class='told' aria-label='Notices'>{''.join(dict.fromkeys(lines))}</ul>" if lines else ""


def settings(result: Result) -> str:
    """The recipe: roles, schedule, and its full text."""
    recipe = result.recipe
    if not recipe:
        return "<p class='note'>The recipe is unknown: this motion was not written by <code>diffopt run</code>.</p>"
    roles = "".join(
        f"<div><dt>{escape(role)}</dt><dd>{_role(recipe[role])}</dd></div>"
        for role in ROLES
        if recipe.get(role) is not None
    )
    stages = []
    for name in recipe.get("schedule", ()):
        stage = recipe.get("stage", {}).get(name, {})
        for block in stage.get("blocks", ()):
            spec = stage.get(block, {})
            rate = spec.get("lr", "")
            stages.append((
                escape(str(name)), str(stage.get("rounds", 1)), escape(str(block)), str(spec.get("steps", 1)),
                escape(_pairs(rate) if isinstance(rate, Mapping) else str(rate)),
                escape(", ".join(map(str, spec.get("free", ())))), escape(_pairs(spec.get("terms", {}))),
            ))  # fmt: skip
    heads = ("stage", "rounds", "block", "steps", "rate", "free", "terms and weights")
    summary = f"<p>{escape(str(recipe['summary']))}</p>" if recipe.get("summary") else ""
    return (
        f"{summary}<dl class='roles'>{roles}</dl>{table(heads, stages)}"
        f"<details><summary>The whole recipe, as text</summary><pre tabindex='0'>{escape(_toml(recipe))}</pre>"
        "</details>"
    )


def provenance(result: Result, words: Sequence[str]) -> str:
    """Sources of frame rate and focal length, assumptions, machine, versions, seconds, terms of use."""
    facts = result.provenance
    known = facts.get("evidence") or evidence(result)
    clip = result.clip
    sources = [
        ("frame rate", f"{clip.fps:g} fps ({escape(str(clip.facts.get('fps_from', 'the clip’s file')))})"),
        ("focal length", escape(focal_from(result))),
        *((escape(str(kind)), _facts(part)) for kind, part in known.items() if part),
    ]
    machine = [
        (name, escape(str(facts[key])))
        for name, key in (("device", "device"), ("threads", "threads"), ("seed", "seed"), ("python", "python"),
                          ("system", "platform"))
        if key in facts
    ]  # fmt: skip
    machine += [(escape(name), escape(str(version))) for name, version in facts.get("versions", {}).items()]
    if memory := facts.get("memory"):
        machine.append(("memory", escape(", ".join(f"{k} {v:,.0f}".replace("_mib", "") for k, v in memory.items())
                                         + " MiB")))  # fmt: skip
    parts = [f"<p class='note'>{escape(word)}</p>" for word in words]
    blocks = [("Sources", table((), sources))]
    if seconds := facts.get("seconds"):
        blocks.append(("Seconds", _seconds(seconds)))
    if machine:
        blocks.append(("Made with", table((), machine)))
    columns = "".join(f"<div><h3>{title}</h3>{block}</div>" for title, block in blocks)
    parts.append(f"<div class='columns'>{columns}</div>")
    if licences := facts.get("licences"):
        rows = [(escape(who), escape(text)) for who, text in licences.items()]
        parts.append(f"<h3>Terms of use</h3>{table((), rows)}")
    return "".join(parts)


def table(heads: Sequence[str], rows: Rows, kind: str = "") -> str:
    """An HTML table. Cells are already HTML; the first of each row is its header."""
    head = f"<thead><tr>{''.join(f'<th scope=col>{cell}</th>' for cell in heads)}</tr></thead>" if heads else ""
    lines = "".join(
        f"<tr><th scope=row>{first}</th>{''.join(f'<td>{cell}</td>' for cell in rest)}</tr>" for first, *rest in rows
    )
    return f"<div class='wide' tabindex='0'><table class='{kind}'>{head}<tbody>{lines}</tbody></table></div>"


def _named(row: Figure) -> str:
    return f"{escape(row.name)} <small>{escape(row.unit)}</small>"


def _mood(row: Figure) -> str:
    first, last = row.initial, row.finals[0]
    if first is None or not row.less or not math.isfinite(last) or abs(last - first) < 5e-3 * abs(first):
        return "plain"
    return "good" if last < first else "bad"


def _role(value: Any) -> str:
    if not isinstance(value, Mapping):
        return escape(str(value))
    options = _pairs({k: v for k, v in dict(value.get("options", {})).items() if v is not None})
    return f"<b>{escape(str(value.get('name')))}</b>" + (f" <small>{escape(options)}</small>" if options else "")


def _pairs(table: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
                     for key, value in table.items())  # fmt: skip


def _facts(part: Mapping[str, Any]) -> str:
    """A component's facts, but for those at the top of the page."""
    items = []
    for key, value in part.items():
        if key in _AT_THE_TOP or value in (None, "", [], {}):
            continue
        text = _plain(value)
        text = text if len(text) < 400 else text[:400] + " …"
        items.append(f"<span class='fact'><i>{escape(_words(key))}</i> {escape(text)}</span>")
    return " ".join(items)


def _plain(value: Any) -> str:
    """Data of a file as words: ``points 528, parallax deg 4.21``."""
    if isinstance(value, Mapping):
        parts = [(key, each) for key, each in value.items() if each not in (None, "", [], {})]
        return ", ".join(
            f"{_words(key)} ({_plain(each)})" if isinstance(each, Mapping | list) else f"{_words(key)} {_plain(each)}"
            for key, each in parts
        )
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _words(key: object) -> str:
    return str(key).replace("_", " ")


def _seconds(seconds: Mapping[str, float]) -> str:
    whole = sum(seconds.values()) or 1.0
    rows = [
        (escape(name), f"{value:,.1f} s", f"<span class='bar' style='--share:{100 * value / whole:.1f}%'></span>")
        for name, value in seconds.items()
    ]
    return table((), rows, "seconds")


def _toml(recipe: Mapping[str, Any]) -> str:
    """As printed by ``diffopt recipe``; values without a TOML form as JSON."""
    try:
        return dumps(recipe)
    except TypeError:
        return json.dumps(recipe, indent=1, default=str)
