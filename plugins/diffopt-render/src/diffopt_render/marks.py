"""Annotations: the path on the ground as a flat ribbon, round marks, text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from diffopt_core.interfaces import Mesh

from .ground import INK, KEYPOINT, Colour

_LEAST = 0.012  # smallest distance between two points of a ribbon, m
_CORNERS = 20


@dataclass(frozen=True)
class Ribbon:
    """``vertices`` (2 N, 3): left and right side alternating; ``upto`` (T,): number of points up to each frame; ``at``
    (T, 2): x and z of each frame."""

    vertices: np.ndarray
    upto: np.ndarray
    at: np.ndarray
    half: float
    height: float
    colour: Colour

    @staticmethod
    def along(places: np.ndarray, half: float, colour: Colour, height: float) -> Ribbon:
        """Along ``places`` (T, 3) of the world, m; frames with nan are skipped. ``half``: half the width, ``height``:
        over the ground, m."""
        flat = places[:, [0, 2]]
        good = np.isfinite(flat).all(-1)
        kept = _apart(flat, good)
        points = flat[kept]
        upto = np.searchsorted(kept, np.arange(len(flat)), side="right")
        tangent = np.gradient(points, axis=0) if len(points) > 1 else np.ones((len(points), 2))
        normal = np.stack([tangent[:, 1], -tangent[:, 0]], -1)
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
        sides = np.stack([points + half * normal, points - half * normal], 1).reshape(-1, 2)
        return Ribbon(np.insert(sides, 1, height, axis=1), upto, flat, half, height, colour)

    def mesh(self, frame: int) -> Mesh | None:
        """The ribbon up to this frame, with its mark; None before the first position."""
        count = int(self.upto[frame])
        if not count:
            return None
        rows = np.arange(max(count - 1, 0))[:, None]
        strip = np.concatenate([2 * rows + [0, 1, 2], 2 * rows + [1, 3, 2]])
        parts, faces = [self.vertices[: 2 * count]], [strip]
        if np.isfinite(self.at[frame]).all():
            disc, fan = self._mark(self.at[frame])
            parts.append(disc)
            faces.append(2 * count + fan)
        vertices = torch.from_numpy(np.concatenate(parts)).float()
        return Mesh(vertices, torch.from_numpy(np.concatenate(faces)), torch.tensor(self.colour).expand_as(vertices))

    def _mark(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        turn = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
        ring = place + 2.2 * self.half * np.stack([np.cos(turn), np.sin(turn)], -1)
        flat = np.concatenate([place[None], ring])
        corner = 1 + np.arange(_CORNERS)
        return np.insert(flat, 1, 1.3 * self.height, axis=1), np.stack([0 * corner, corner, np.roll(corner, -1)], -1)


def _apart(flat: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Frames whose positions have a minimum distance, in order, starting with the first valid frame."""
    frames = np.flatnonzero(good)
    if not len(frames):
        return frames
    run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(flat[frames], axis=0), axis=-1))])
    cell = np.floor(run / _LEAST).astype(int)
    return frames[np.concatenate([[True], np.diff(cell) > 0])]


def type_size(size: tuple[int, int]) -> int:
    """Font size, px, for an image of this size (width, height)."""
    return max(10, round(min(0.026 * size[1], 0.045 * size[0]) + 2))


_LIKELY = 0.3  # lowest confidence at which a keypoint is shown


def draw_keypoints(image: np.ndarray, keypoints: np.ndarray, radius: float) -> None:
    """Keypoints (J, 3), px and confidence, as dots with a rim, on an image (H, W, 3) uint8 in place."""
    seen = np.isfinite(keypoints).all(-1) & (keypoints[:, 2] > _LIKELY)
    centres = keypoints[seen, :2]
    height, width = image.shape[:2]
    reach = int(np.ceil(radius + 1.5))
    around = np.arange(-reach, reach + 1)
    first = np.floor(centres).astype(int)
    column = first[:, None, None, 0] + around[None, None, :]
    row = first[:, None, None, 1] + around[None, :, None]
    column, row = np.broadcast_arrays(column, row)
    away = np.hypot(column + 0.5 - centres[:, None, None, 0], row + 0.5 - centres[:, None, None, 1])
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    where = row[inside] * width + column[inside]
    flat = image.reshape(-1, 3).astype(np.float32)
    for colour, size in ((INK, radius + 1.0), (KEYPOINT, radius)):
        cover = np.zeros(len(flat), np.float32)
        np.maximum.at(cover, where, np.clip(size + 0.5 - away[inside], 0, 1))
        touched = np.flatnonzero(cover)
        share = cover[touched, None]
        flat[touched] += share * (255 * np.array(colour, np.float32) - flat[touched])
    image[:] = np.round(flat).astype(np.uint8).reshape(image.shape)


def write_words(image: np.ndarray, words: str, corner: str, size: int, light: bool) -> None:
    """Text in the ``top`` or ``bottom`` left corner of an image (H, W, 3) uint8, in place. ``light``: white on a dark
    plate, for photographs; else dark text without a plate."""
    plate = _plate(words, size, light)
    margin = round(0.8 * size)
    height = image.shape[0]
    top = margin if corner == "top" else height - margin - plate.shape[0]
    _paste(image, plate, top, margin)


def write_legend(image: np.ndarray, lines: tuple[tuple[str, Colour], ...], size: int) -> None:
    """Colour legend in the lower left corner of an image (H, W, 3) uint8, in place."""
    step = round(1.5 * size)
    height, margin = image.shape[0], round(0.8 * size)
    for row, (words, colour) in enumerate(reversed(lines)):
        middle = height - margin - step // 2 - row * step
        thick = max(1, size // 10)
        image[middle - thick : middle + thick, margin : margin + 2 * size] = _bytes(colour)
        plate = _plate(words, size, light=False)
        top, left = middle - plate.shape[0] // 2, margin + round(2.5 * size)
        _paste(image, plate, top, left)


def _paste(image: np.ndarray, plate: np.ndarray, top: int, left: int) -> None:
    """Blend RGBA over a part of the image; parts outside are clipped."""
    top = max(top, 0)
    part = image[top : top + plate.shape[0], left : left + plate.shape[1]]
    plate = plate[: part.shape[0], : part.shape[1]]
    share = plate[..., 3:] / 255.0
    part[:] = np.round(part + share * (plate[..., :3] - part.astype(np.float32))).astype(np.uint8)


@lru_cache(maxsize=64)
def _plate(words: str, size: int, light: bool) -> np.ndarray:
    """RGBA of the text."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    box = font.getbbox(words)
    pad = size // 3 if light else 0
    image = Image.new("RGBA", (int(box[2]) + 2 * pad + 1, int(1.35 * size) + pad))
    draw = ImageDraw.Draw(image)
    if light:
        draw.rounded_rectangle((0, 0, image.width - 1, image.height - 1), size // 4, fill=(0, 0, 0, 130))
    fill = _bytes((1.0, 1.0, 1.0)) if light else _bytes(INK)
    draw.text((pad, pad // 2), words, font=font, fill=(*fill, 255))
    return np.asarray(image).astype(np.float32)


def _bytes(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in colour)
    return red, green, blue
