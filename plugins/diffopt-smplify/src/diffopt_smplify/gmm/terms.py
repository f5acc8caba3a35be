"""Terms of the motion data behind a weight file, by the names of the shards."""

from __future__ import annotations

from collections.abc import Iterable

_TERMS = {
    "cmu": "CMU Graphics Lab Motion Capture Database: free for all uses; the data itself may not be resold. The data "
    "used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding from NSF "
    "EIA-0196217.",
    "bnr": "Bandai-Namco-Research-Motiondataset, (c) 2022 Bandai Namco Research Inc., CC BY-NC 4.0: attribution, "
    "non-commercial use only (Kobayashi et al., arXiv:2306.08861).",
    "style100": "100STYLE, Ian Mason, CC BY 4.0 (Mason, Starke and Komura, Real-Time Style Modelling of Human "
    "Locomotion, doi 10.1145/3522618).",
}


def terms_of(files: Iterable[str]) -> list[str]:
    """Terms of a set of shards; one that is not known is named, since silence would read as freedom."""
    unknown = "{}: terms not known to this program; ask who gave you the data."
    found = [next((t for prefix, t in _TERMS.items() if f.startswith(prefix)), unknown.format(f)) for f in files]
    return list(dict.fromkeys(found))
