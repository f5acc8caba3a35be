"""The README's moving picture: a video, the recovered body over it, and the same body in the world, side by side.

    diffopt run beam_pan.mp4
    python tools/moving_picture.py runs/beam_pan docs/motion.webp

What the result's run.json calls guessed or assumed is written into the picture.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from diffopt_core.perception.video import read_frames
from diffopt_core.results.saved import read_result
from PIL import Image, ImageDraw, ImageFont

HEIGHT, WORLD, FOOT, FPS, QUALITY = 360, 400, 34, 20.0, 60
WORDS = ("the video", "the body over it", "the body in the world")


def drawn(result: Path, view: str, width: int, folder: Path) -> list[np.ndarray]:
    """Frames of ``diffopt render``, RGB uint8."""
    where = folder / view
    asked = ["--view", view, "--out", str(where), "--size", f"{width}x{HEIGHT}", "--fps", f"{FPS:g}"]
    subprocess.run([str(Path(sys.executable).with_name("diffopt")), "render", str(result), *asked, "-q"], check=True)
    return [np.asarray(Image.open(path).convert("RGB")) for path in sorted(where.glob("*.png"))]


def guessed(run: dict) -> str:
    """What of a result is assumed rather than seen, in words; empty where nothing is."""
    camera, body = run["evidence"]["camera"], run["evidence"]["initializer"]
    found = []
    if not str(camera.get("focal_from", "")).startswith(("estimated", "--focal", "the video", "the file")):
        found.append("the focal length")
    if camera.get("unit") != "metre":
        found.append("the camera's scale")
    if "mean body" in str(body.get("shape", "")):
        found.append("how tall the person is (the mean body)")
    return f"guessed: {' and '.join(found)}, and with it the metre" if found else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    clip = read_result(given.result).clip
    width = round(HEIGHT * clip.size[0] / clip.size[1])
    with tempfile.TemporaryDirectory() as folder:
        over = drawn(given.result, "overlay", width, Path(folder))
        world = drawn(given.result, "world", WORLD, Path(folder))
    shown = [
        np.asarray(Image.fromarray(frame).resize((width, HEIGHT))) for frame in read_frames(clip.video, 2 * HEIGHT)
    ]
    at = np.round(np.arange(len(over)) / FPS * clip.fps).astype(int).clip(max=len(shown) - 1)
    foot = guessed(json.loads((given.result / "run.json").read_text()))
    frames = [_joined([shown[k], *pair], foot) for k, *pair in zip(at, over, world, strict=True)]
    frames[0].save(
        given.out,
        save_all=True,
        append_images=frames[1:],
        duration=round(1000 / FPS),
        loop=0,
        quality=QUALITY,
        method=6,
    )
    print(f"{given.out}  {len(frames)} frames, {given.out.stat().st_size / 1e6:.2f} MB")


def _joined(panels: list[np.ndarray], foot: str) -> Image.Image:
    """Panels side by side, what each is above it, what is guessed below."""
    image = Image.new("RGB", (sum(panel.shape[1] for panel in panels), HEIGHT + 2 * FOOT), "white")
    draw, font, left = ImageDraw.Draw(image), ImageFont.load_default(15), 0
    for panel, words in zip(panels, WORDS, strict=True):
        image.paste(Image.fromarray(panel), (left, FOOT))
        draw.text((left + 6, 8), words, "black", font)
        left += panel.shape[1]
    draw.text((6, HEIGHT + FOOT + 8), foot, "black", font)
    return image


if __name__ == "__main__":
    main()
