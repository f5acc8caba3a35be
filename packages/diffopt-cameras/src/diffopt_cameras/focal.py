"""The focal length: given, or weighed from all that tells of it; its origin and its error are always reported.

Usual lenses, metadata, a camera that turns, lines at right angles and the person's proportions each say how likely a
focal length is, on one grid of its logarithm. Their sum is the posterior: the largest value counts, with the spread
around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from diffopt_core.perception.video import METADATA
from diffopt_core.types import Clip, Observations

from . import persons, vanishing
from .lines import Lines
from .tracks import Tracks
from .turning import calibrate
from .wahba import Array

#: Assumed focal length over the longer side, a phone's main camera in video mode (about 61 degrees), and its relative
#: error: action cameras lie near 0.55, short telephoto lenses near 1.3.
ASSUMED, ASSUMED_SPREAD = 0.85, 0.3
#: Relative error of metadata: they are of the photo's frame, of which video modes cut off a part.
_METADATA = 0.05
#: Relative error of lines besides what they say: distortion, walls not quite at right angles.
_LINES = 0.015
#: A focal length with a larger relative error is called assumed.
_CEILING = 0.15
#: Logarithm of the focal length over the longer side: what is weighed, and where lines and persons are measured.
_GRID, _COARSE = np.linspace(np.log(0.3), np.log(4.5), 2001), np.linspace(np.log(0.3), np.log(4.5), 109)
#: A source that says less than this much, as a relative error by itself, is not named.
_VAGUE = 0.5
#: Nor is one whose error is so many times that of all together.
_OUTWEIGHED = 4.0


@dataclass(frozen=True)
class Focal:
    """``pixels``: focal length, px of the full image; ``said``: its origin, as text; ``sure``: given or estimated, not
    assumed. ``spread``: relative standard error, None if it was given. ``sources``: what each said, px and relative
    error."""

    pixels: float
    said: str
    sure: bool
    spread: float | None = None
    sources: dict[str, tuple[float, float]] | None = None

    def facts(self) -> dict[str, Any]:
        told = {name: [round(px, 1), round(error, 4)] for name, (px, error) in (self.sources or {}).items()}
        error = None if self.spread is None else round(self.spread, 4)
        return {"px": round(self.pixels, 1), "relative_error": error, "sources": told}


def told(clip: Clip) -> Focal | None:
    """The focal length given by the user or a camera in the file."""
    if clip.focal is not None and clip.focal_from != METADATA:
        return Focal(clip.focal, f"{clip.focal:.1f} px, {clip.focal_from or 'given with the clip'}", True)
    if clip.camera is not None:
        pixels = float(clip.camera.focal.mean())
        return Focal(pixels, f"{pixels:.1f} px, the camera in the clip's own file", True)
    return None


def choose(
    clip: Clip,
    observations: Observations,
    lines: list[Lines],
    tracks: Tracks | None = None,
    seed: int = 0,
    zoom: Array | None = None,
) -> tuple[Focal, dict[str, float]]:
    """Given, else weighed. Also the facts on the rotation (empty where it says nothing). ``tracks`` are of a lens that
    does not zoom; ``zoom`` [T]: factors by which lines and keypoints are larger.
    """
    known = told(clip)
    if known is not None:
        return known, {}
    side = max(clip.size)
    cues = {"usual lenses": _gaussian(ASSUMED, ASSUMED_SPREAD)}
    if clip.focal is not None:
        cues["metadata"] = _gaussian(clip.focal / side, _METADATA)
    found = calibrate(tracks, seed=seed) if tracks is not None else None
    if found is not None:
        turned = f"{np.degrees(found.angle):.1f} degrees of rotation"
        cues[turned] = _gaussian(found.pixels / side, found.error)
    pixels = np.exp(_COARSE) * side
    lines = lines if zoom is None else [one.closer(zoom[one.frame]) for one in lines]
    cues["lines"] = _blurred(vanishing.log_likelihood(lines, observations, pixels), _LINES)
    if zoom is None:
        cues["the person's proportions"] = _fine(persons.log_likelihood(observations, clip.size, pixels))
    return weighed(cues, side), found.facts() if found is not None else {}


def weighed(cues: dict[str, Array], side: int) -> Focal:
    """The posterior of log likelihoods on the grid; ``side``: longer side of the image, px."""
    at, spread = _middle(np.sum(list(cues.values()), axis=0))
    each = {name: _middle(cue) for name, cue in cues.items()}
    sources = {name: (side * px, error) for name, (px, error) in each.items() if np.ptp(cues[name]) > 0}
    told = sorted((error, name) for name, (_, error) in sources.items() if error < min(_VAGUE, _OUTWEIGHED * spread))
    sure, parts = spread <= _CEILING, ", ".join(name for _, name in told)
    said = f"{'estimated' if sure else 'assumed'} {side * at:.0f} px ± {100 * spread:.2g}%, from {parts}"
    return Focal(side * at, said, sure, spread, sources)


def _middle(log: Array) -> tuple[float, float]:
    """Median of the focal length over the longer side, and the relative spread around it."""
    weight = np.exp(log - log.max())
    below = weight.cumsum()
    at = float(np.interp(0.5 * below[-1], below, _GRID))
    return float(np.exp(at)), float(np.sqrt((weight * (_GRID - at) ** 2).sum() / weight.sum()))


def _gaussian(focal: float, spread: float) -> Array:
    return np.asarray(-0.5 * ((_GRID - np.log(focal)) / spread) ** 2)


def _fine(coarse: Array) -> Array:
    return np.interp(_GRID, _COARSE, coarse)


def _blurred(coarse: Array, spread: float) -> Array:
    """As :func:`_fine`, with an error more."""
    fine, reach = _fine(coarse), int(4 * spread / (_GRID[1] - _GRID[0]))
    near = np.exp(-0.5 * (np.arange(-reach, reach + 1) * (_GRID[1] - _GRID[0]) / spread) ** 2)
    top = fine.max()
    return np.asarray(top + np.log(np.convolve(np.pad(np.exp(fine - top), reach, "edge"), near / near.sum(), "valid")))
