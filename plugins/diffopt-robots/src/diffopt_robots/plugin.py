"""What this package offers to the host."""

from __future__ import annotations

from collections.abc import Iterable

from diffopt_core.plugin import Component, hookimpl

_HERE = "diffopt_robots.configs"


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """One row a reader."""
    return [
        Component("exporter", "gmr", f"{_HERE}:GmrConfig", "gmr.npz: SMPL-X as AMASS spells it, for GMR"),
        Component("exporter", "lafan1", f"{_HERE}:Lafan1Config", "lafan1.bvh: LAFAN1's skeleton, for GMR and others"),
        Component("exporter", "phc", f"{_HERE}:PhcConfig", "phc.npz: SMPL, 66 columns, for PHC and ASAP"),
        Component("exporter", "pbhc", f"{_HERE}:PbhcConfig", "pbhc.npz: SMPL, 66 columns, for PBHC"),
        Component("exporter", "protomotions", f"{_HERE}:ProtoConfig", "protomotions.npz: SMPL-H's, for ProtoMotions"),
        Component("exporter", "g1", f"{_HERE}:G1Config", "g1*.csv, .pkl: joint angles of Unitree's G1"),
        Component("exporter", "holosoma", f"{_HERE}:HolosomaConfig", "holosoma.npz, .npy: joints, for holosoma"),
    ]
