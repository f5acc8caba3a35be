"""A real, headless Chromium for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chromium import chromium_path

#: WebGL in software: there is no graphics card where tests run.
WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox")
PLAIN = ("--disable-gpu", "--disable-3d-apis", "--no-sandbox")


Launch = Callable[[tuple[str, ...]], Any]


@contextmanager
def chromium() -> Iterator[Launch]:
    """Starts browsers with the flags that they are given."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield lambda args: playwright.chromium.launch(executable_path=chromium_path(), args=list(args))


class Opened:
    """A page from a file with the network off. Whatever goes wrong in it fails the test: ``check`` at the end."""

    def __init__(self, browser: Any, path: Path, scheme: str = "light", size: tuple[int, int] = (1280, 800)):
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, offline=True
        )
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("console", lambda said: self._said(said))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"file://{path}")
        self.page.wait_for_function("document.getElementById('clock').textContent !== ''")
        self.settle()

    def _said(self, said: Any) -> None:
        # Chromium itself tells how fast pixels were read for a screenshot of software WebGL.
        if said.type in ("error", "warning") and "GPU stall" not in said.text:
            self.wrong.append(f"{said.type}: {said.text}")

    def settle(self) -> None:
        """Until what was asked for is drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    @property
    def frame(self) -> int:
        return int(self.page.evaluate("document.getElementById('slider').value"))

    def picture(self) -> bytes:
        """The stage as seen."""
        self.settle()
        return self.page.locator("#stage").screenshot()

    def check(self) -> None:
        self.context.close()
        assert not self.wrong, self.wrong
        assert all(url.startswith(("file:", "data:", "about:")) for url in self.asked), self.asked
