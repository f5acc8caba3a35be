"""Settings of the representations. No torch here."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from ...config import ComponentConfig


class NemoConfig(ComponentConfig):
    """Three networks of the phase, ``f_theta``, ``f_phi`` and ``f_x`` (sec. 3.1; NeMo, Wang et al. 2022).

    ``layers`` hidden layers of ``hidden`` units (``trans_layers`` of them in ``f_x``, if given). ``encoding`` of the
    phase: none; sines and cosines of ``2^k pi tau``, k below 5 (8 periods a clip); or ``centres`` radial basis
    functions with learned widths. ``warp``: a learned monotone map of the phase comes first, a sum of ``warp_nodes``
    sigmoids. ``offset``: rotations are the clip's ``mean`` initial rotation plus the network's 6D output, or the output
    alone (``none``; its bias starts at the identity). ``origin``: translations are the clip's ``mean`` initial
    translation plus the output, or the ``first`` one plus the output less its value at phase 0, which pins the first
    frame. ``metres``: translation per unit of the network's output. ``head_gain``: scale of the rotation head's initial
    weights, relative to the usual one. ``window``, ``overlap``: a clip of more than ``window`` frames has several
    fields of equal length, which share at least ``overlap`` frames and are blended there (not in the paper, which trims
    its clips); null: one field for any length.
    """

    builds: ClassVar[str] = "diffopt_core.parts.representations.motion_field:MotionField"
    ragged: ClassVar[bool] = True
    retired: ClassVar = {"frequencies": 5}

    hidden: PositiveInt = 96
    layers: PositiveInt = 3
    trans_layers: PositiveInt | None = None
    activation: Literal["relu", "silu"] = "relu"
    encoding: Literal["none", "fourier", "rbf"] = "fourier"
    centres: int = Field(default=100, ge=2)
    kernel: Literal["quadratic", "linear", "gaussian"] = "quadratic"
    warp: bool = False
    warp_nodes: PositiveInt = 200
    offset: Literal["mean", "none"] = "mean"
    origin: Literal["mean", "first"] = "mean"
    metres: PositiveFloat = 1.0
    head_gain: PositiveFloat = 0.1
    window: int | None = Field(default=200, ge=3)
    overlap: int = Field(default=30, ge=1)

    @classmethod
    def original(cls) -> NemoConfig:
        """The field of NeMo's own code in its three-network form: plain phase, 1000 units, no offset."""
        return cls(
            hidden=1000, trans_layers=2, encoding="none", offset="none", origin="first", head_gain=1e-5, window=None
        )


class RawConfig(ComponentConfig):
    """Pose, orientation and translation of every frame as free tensors that start at the initial motion (Table 5,
    "learnable params").

    ``trans``: positions, or a first position and the displacements between frames (``velocity``, m per frame), so that
    one optimiser step can move the whole path.
    """

    builds: ClassVar[str] = "diffopt_core.parts.representations.motion_field:FreeTensors"
    ragged: ClassVar[bool] = True

    trans: Literal["position", "velocity"] = "position"
