"""The report in a real browser: it plays, keys and charts lead it, both themes, a phone, no network, no error."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browser import PLAIN, WEBGL, Launch, Opened, chromium
from diffopt_lab.report import Page, write_report
from PIL import Image
from report_cases import walk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def report(folder: Path) -> Path:
    return write_report(walk(60), folder / "report.html")


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def browser(launch: Launch) -> Iterator[Any]:
    found = launch(WEBGL)
    yield found
    found.close()


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Open]:
    """Opens pages and, at the end of the test, says what went wrong in any of them."""
    pages: list[Opened] = []

    def open_page(path: Path = report, **options: Any) -> Opened:
        pages.append(Opened(browser, path, **options))
        return pages[-1]

    yield open_page
    for page in pages:
        page.check()


def pixels(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


def differing(a: bytes, b: bytes) -> float:
    """Share of pixels that differ visibly."""
    return float((np.abs(pixels(a) - pixels(b)).max(-1) > 24).mean())


def test_it_plays(opened):
    page = opened()
    before = page.picture()
    page.press(" ")
    page.page.wait_for_function("document.getElementById('slider').value > 8")
    assert page.page.get_attribute("#play", "aria-label") == "Pause"
    page.press(" ")
    stopped = page.frame
    after = page.picture()
    assert differing(before, after) > 0.002
    page.page.wait_for_timeout(150)
    assert page.frame == stopped and page.page.get_attribute("#play", "aria-label") == "Play"


def test_it_ends_where_it_began(opened):
    page = opened()
    page.page.select_option("#speed", "4")
    page.press("End", " ")
    page.page.wait_for_function("document.getElementById('slider').value > 20")
    page.page.wait_for_function("document.getElementById('slider').value < 20")


def test_keys(opened):
    page = opened()
    for keys, frame in (
        (["ArrowRight"], 1), (["Shift+ArrowRight"], 11), (["ArrowLeft"], 10), (["Home"], 0), (["ArrowLeft"], 0),
        (["End"], 59), (["ArrowRight"], 59),
    ):  # fmt: skip
        page.press(*keys)
        assert page.frame == frame, keys
    assert page.page.evaluate("scrollY") == 0, "keys that the player takes do not scroll"
    seen = {page.picture()}
    for key in ("2", "3", "1"):
        page.press(key)
        seen.add(page.picture())
        assert page.page.locator("[data-view][aria-pressed=true]").count() == 1
    assert len(seen) >= 3


def test_focus_is_seen_and_controls_keep_their_keys(opened):
    page = opened()
    names = []
    for _ in range(14):
        page.press("Tab")
        style = "getComputedStyle(document.activeElement).outlineStyle"
        names.append(page.page.evaluate("document.activeElement.id || document.activeElement.dataset.show || ''"))
        assert page.page.evaluate(style) == "solid", names[-1]
    assert {"player", "play", "slider", "speed", "track1"} <= set(names)
    page.page.focus("#slider")
    page.press("ArrowRight", "ArrowRight")
    assert page.frame == 2
    page.page.focus("[data-show=track1]")
    page.press(" ")
    assert page.page.get_attribute("[data-show=track1]", "aria-pressed") == "true" and page.frame == 2


def test_what_is_shown(opened):
    page = opened()
    page.press("End")
    seen = [page.picture()]
    for name in ("track1", "truth", "camera", "track0"):
        page.page.click(f"[data-show={name}]")
        seen.append(page.picture())
    assert all(a != b for a, b in pairwise(seen))


def test_the_mouse_turns_and_nears(opened):
    page = opened()
    box = page.page.locator("#stage").bounding_box()
    seen = [page.picture()]
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for button in ("left", "right"):
        page.page.mouse.move(x, y)
        page.page.mouse.down(button=button)
        page.page.mouse.move(x + 90, y + 30, steps=3)
        page.page.mouse.up(button=button)
        seen.append(page.picture())
    page.page.mouse.wheel(0, 400)
    page.page.wait_for_timeout(50)
    seen.append(page.picture())
    shares = [differing(a, b) for a, b in pairwise(seen)]
    assert min(shares) > 0.005, shares
    page.page.mouse.dblclick(x, y)
    assert differing(page.picture(), seen[0]) < 0.002, "the first view again"


@pytest.mark.parametrize("kind", ["time", "stack", "contact", "above"])
def test_charts_lead(opened, kind):
    page = opened()
    chart = page.page.locator(f".chart.{kind} svg").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.page.mouse.move(box["x"] + 0.9 * box["width"], middle)
    page.page.mouse.down()
    first = page.frame
    height = 0.88 if kind == "above" else 0.5  # where the walk ends on the one, anywhere on the others
    page.page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + height * box["height"], steps=4)
    page.page.mouse.up()
    page.settle()
    second = page.frame
    assert first != second
    page.page.mouse.move(box["x"] + 0.9 * box["width"], middle)
    assert page.frame == second, "the button is up"


def test_every_chart_shows_the_frame(opened):
    page = opened()
    ends = []
    for key in ("Home", "End"):
        page.press(key)
        ends.append(page.page.eval_on_selector_all(".cursor", "lines => lines.map(one => one.getAttribute('x1'))"))
    assert len(ends[0]) >= 8 and all(float(a) < float(b) for a, b in zip(*ends, strict=True))
    assert page.page.locator(".chart.time output").first.inner_text() not in ("", "–")


def test_light_and_dark(opened):
    shown = {scheme: opened(scheme=scheme) for scheme in ("light", "dark")}
    for scheme, page in shown.items():
        ink, paper = (
            page.page.evaluate(f"getComputedStyle(document.body).{key}.match(/\\d+/g).slice(0, 3).map(Number)")
            for key in ("color", "backgroundColor")
        )
        assert abs(sum(ink) - sum(paper)) > 450, f"{scheme}: {ink} on {paper}"
    dark, light = (pixels(shown[scheme].picture()).mean() for scheme in ("dark", "light"))
    assert dark < 90 and light > 150
    shown["light"].page.emulate_media(color_scheme="dark")
    assert pixels(shown["light"].picture()).mean() < 90, "the player follows the system at once"


@pytest.mark.parametrize("width", [360, 390, 820])
def test_no_sideways_scroll(opened, width):
    page = opened(size=(width, 740))
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    for summary in page.page.locator("summary").all():
        summary.click()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    page.press("End", "2", "3")
    assert page.frame == 59
    beyond = "all => all.filter(e => e.getBoundingClientRect().right > innerWidth + 1).length"
    assert page.page.eval_on_selector_all(".chart svg, .transport, .views, .tile", beyond) == 0


def test_touch_turns(browser, report):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"file://{report}")
    client = context.new_cdp_session(page)
    box = page.locator("#stage").bounding_box()
    x, y = box["x"] + 180, box["y"] + 150
    before = page.locator("#stage").screenshot()

    def touch(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": px, "y": py, "id": n} for n, (px, py) in enumerate(points)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    touch("touchStart", (x, y))
    touch("touchMove", (x + 60, y))
    touch("touchEnd")
    turned = page.locator("#stage").screenshot()
    touch("touchStart", (x - 20, y), (x + 20, y))
    touch("touchMove", (x - 70, y), (x + 70, y))
    touch("touchEnd")
    page.wait_for_timeout(100)
    pinched = page.locator("#stage").screenshot()
    assert differing(before, turned) > 0.01 and differing(turned, pinched) > 0.01
    context.close()


def test_without_webgl(launch, report):
    browser = launch(PLAIN)
    page = Opened(browser, report)
    assert page.page.locator("#flat").is_visible()
    before = page.picture()
    page.press("End")
    assert differing(before, page.picture()) > 0.002
    page.press("2", "3", "1")
    page.check()
    browser.close()


def test_several_results_in_one_player(opened, folder):
    one = walk(30)
    other = replace(one, joints=one.joints + 0.1, motion=replace(one.motion, trans=one.motion.trans + 0.1))
    page = opened(Page([one, other], labels=("paper", "best")).write(folder / "two.html"))
    assert [chip.inner_text() for chip in page.page.locator(".chip").all()][:3] == ["paper", "best", "truth"]
    together = page.picture()
    page.press("a")
    apart = page.picture()
    page.page.click("[data-show=track1]")
    assert differing(together, apart) > 0.01 and differing(apart, page.picture()) > 0.005


@pytest.mark.parametrize("case", ["stick", "slow", "fast", "one frame", "foreign", "markup"])
def test_odd_results_open(opened, folder, case):
    result = walk(30, body="stick" if case == "stick" else "anny24")
    clip = result.clip
    if case in ("slow", "fast"):
        result = replace(result, clip=replace(clip, fps=0.5 if case == "slow" else 240.0))
    if case == "foreign":
        result = replace(
            result, clip=replace(clip, truth=None, observations=None, size=(0, 0)), log={}, recipe={}, metrics={}
        )
    if case == "one frame":
        result = first_frame(result)
    if case == "markup":
        result = replace(result, clip=replace(clip, name="</script><script>document.title='broken'</script>"))
    page = opened(write_report(result, folder / f"{case}.html"))
    page.press("End", " ", "2", "1")
    assert page.page.title() != "broken"
    assert len(np.unique(pixels(page.picture()).reshape(-1, 3), axis=0)) > 200, "something is drawn"


def first_frame(result):
    """A clip of a single frame."""
    from diffopt_core.types import map_tensors

    def cut(value):
        return map_tensors(value, lambda tensor: tensor[:1])

    motion = replace(cut(replace(result.motion, betas=torch.zeros(1, 10))), betas=result.motion.betas)
    return replace(
        result, motion=motion, initial=motion, joints=result.joints[:1], initial_joints=result.joints[:1],
        camera=cut(result.camera), initial_camera=cut(result.initial_camera),
        clip=replace(result.clip, truth=None, observations=cut(result.clip.observations), num_frames=1),
    )  # fmt: skip


def test_in_a_notebook(opened, folder):
    """The frame that `_repr_html_` gives, inside another page."""
    outer = folder / "notebook.html"
    outer.write_text(f"<!doctype html><p id=clock>.</p>{walk(20)._repr_html_()}")
    page = opened(outer)
    inner = page.page.frame_locator("iframe")
    inner.locator("#player").focus()
    page.press("End")
    assert inner.locator("#slider").input_value() == "19"
