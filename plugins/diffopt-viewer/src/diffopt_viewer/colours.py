"""Colours of results, of the truth and of the room, light and dark. RGB, 0 to 255."""

from __future__ import annotations

from dataclasses import dataclass

RGB = tuple[int, int, int]

# Okabe and Ito's palette, told apart under every common colour blindness: one a result.
RESULTS: tuple[RGB, ...] = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233),
)  # fmt: skip
KEYPOINT: RGB = (240, 228, 66)


@dataclass(frozen=True)
class Room:
    """What the results stand in. ``paper``: a canvas without an image; ``ink``: what is written on it."""

    truth: RGB
    cell: RGB
    section: RGB
    ground: RGB
    ground_opacity: float
    paper: RGB
    ink: RGB


LIGHT = Room((38, 38, 38), (222, 222, 220), (190, 190, 188), (246, 246, 244), 0.9, (246, 246, 244), (40, 40, 40))
DARK = Room((235, 235, 235), (52, 54, 58), (78, 80, 86), (32, 33, 36), 0.9, (32, 33, 36), (225, 225, 225))


def room(dark: bool) -> Room:
    return DARK if dark else LIGHT


def of_result(number: int) -> RGB:
    return RESULTS[number % len(RESULTS)]


def paler(colour: RGB, share: float = 0.45) -> RGB:
    """The colour of what a result began as."""
    red, green, blue = (round(c + (205 - c) * share) for c in colour)
    return red, green, blue


def css(colour: RGB) -> str:
    return f"#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"
