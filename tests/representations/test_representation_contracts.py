"""Every representation and executor of the core passes the contract that ships for other people's."""

from __future__ import annotations

from diffopt_core.host.testing import RepresentationContract


class TestNemo(RepresentationContract):
    name = "nemo"


class TestNemoPlain(RepresentationContract):
    name = "nemo"
    options = {  # noqa: RUF012
        "encoding": "none", "offset": "none", "origin": "first", "trans_layers": 2, "head_gain": 1e-5,
    }  # fmt: skip


class TestNemoRadialWarped(RepresentationContract):
    name = "nemo"
    options = {"encoding": "rbf", "centres": 12, "kernel": "gaussian", "warp": True, "warp_nodes": 9}  # noqa: RUF012


class TestNemoSilu(RepresentationContract):
    name = "nemo"
    options = {"activation": "silu", "layers": 2, "hidden": 32, "metres": 3.0}  # noqa: RUF012


class TestRaw(RepresentationContract):
    name = "raw"


class TestRawVelocity(RepresentationContract):
    name = "raw"
    options = {"trans": "velocity"}  # noqa: RUF012
