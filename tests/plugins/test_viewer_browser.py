"""The page in a real browser, without a display and without a network: it draws, it plays, it listens to its panel."""

from __future__ import annotations

import io
import time
from contextlib import contextmanager

import numpy as np
import pytest
from chromium import chromium_path
from diffopt_viewer.recording import record
from exports_cases import walk
from PIL import Image
from viewer_cases import settled, viewing

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FLAGS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
#: Software rendering on a busy machine takes its time, s.
PATIENCE = 90.0


@contextmanager
def page_of(url: str):
    """The page, and what went wrong on it: errors of the console and of scripts, and requests to other machines."""
    from playwright.sync_api import sync_playwright

    wrong: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page = browser.new_page(viewport={"width": 900, "height": 600})
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if _is_elsewhere(request.url) else None)
        page.goto(url, timeout=PATIENCE * 1000)
        yield page, wrong
        browser.close()


def _is_elsewhere(url: str) -> bool:
    return not url.startswith(("http://localhost:", "ws://localhost:", "file:", "data:", "blob:"))


def picture(page) -> np.ndarray:
    """The scene without the panel, RGB."""
    shot = page.screenshot(clip={"x": 0, "y": 200, "width": 560, "height": 400}, timeout=PATIENCE * 1000)
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def blue(image: np.ndarray) -> int:
    """Pixels in the colour of the first result."""
    return int(((image[..., 2] > image[..., 0] + 60) & (image[..., 2] > image[..., 1] + 20)).sum())


def until(page, holds) -> np.ndarray:
    """The first picture for which ``holds``, else the last one there was time for."""
    deadline = time.monotonic() + PATIENCE
    while not holds(image := picture(page)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return image


def test_body_is_drawn_moves_and_listens_to_the_panel():
    with viewing(walk(30)) as viewer, page_of(viewer.where) as (page, wrong):
        first = until(page, lambda image: blue(image) > 1500)
        assert blue(first) > 1500, "no body is seen"
        page.keyboard.press("n")
        deadline = time.monotonic() + PATIENCE
        while viewer.player.frame != 1 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert viewer.player.frame == 1
        settled(viewer, lambda: viewer.player.go_to(29))
        moved = until(page, lambda image: (np.abs(image - first).max(-1) > 60).sum() > 1500)
        assert (np.abs(moved - first).max(-1) > 60).sum() > 1500, "the body stays where it is"
        page.get_by_label("Body", exact=True).last.click(timeout=PATIENCE * 1000)
        gone = until(page, lambda image: blue(image) < blue(first) / 3)
        assert blue(gone) < blue(first) / 3, "the body cannot be hidden"
        assert not wrong, wrong


def test_recording_plays_from_a_file(tmp_path):
    file = record([walk(30)], tmp_path / "walk.html")
    with page_of(file.as_uri()) as (page, wrong):
        first = until(page, lambda image: blue(image) > 1000)
        assert blue(first) > 1000, "no body is seen"
        later = until(page, lambda image: (np.abs(image - first).max(-1) > 60).sum() > 800)
        assert (np.abs(later - first).max(-1) > 60).sum() > 800, "it does not play"
        assert not wrong, wrong
