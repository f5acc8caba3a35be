"""What may be asked of every format: rate, axes, unit, start, feet."""

from __future__ import annotations

from typing import Literal

from diffopt_core.config import ComponentConfig
from pydantic import Field

Up = Literal["auto", "y", "z"]
Unit = Literal["auto", "m", "cm"]
Feet = Literal["auto", "always", "never", "ground"]


class MotionOptions(ComponentConfig):
    """Options common to all formats; what is left alone gives the result as it is."""

    fps: float | None = Field(default=None, ge=0.5, le=240.0, description="frames a second; null keeps the result's")
    up: Up = Field(default="auto", description="vertical axis; auto: what the format's readers expect")
    unit: Unit = Field(default="auto", description="of lengths; auto: what the format's readers expect")
    origin: bool = Field(default=False, description="start over the origin, facing forward (+z, or -y where z is up)")
    feet: Feet = Field(
        default="never",
        description="lock feet that are in contact: auto (low and slow), always (low); ground: set on the floor only",
    )
