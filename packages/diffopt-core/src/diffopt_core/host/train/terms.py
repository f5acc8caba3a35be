"""Terms of the motion data that a weight file was trained on, by the names of the shards."""

from __future__ import annotations

from collections.abc import Iterable

CMU = (
    "CMU Graphics Lab Motion Capture Database: free for all uses; the data itself may not be resold. "
    "The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding "
    "from NSF EIA-0196217."
)
BNR = (
    "Bandai-Namco-Research-Motiondataset, (c) 2022 Bandai Namco Research Inc., CC BY-NC 4.0: attribution, "
    "non-commercial use only (Kobayashi et al., arXiv:2306.08861)."
)
STYLE100 = (
    "100STYLE, Ian Mason, CC BY 4.0 (Mason, Starke and Komura, Real-Time Style Modelling of Human Locomotion, "
    "doi 10.1145/3522618)."
)
_TERMS = {"cmu": CMU, "bnr": BNR, "style100": STYLE100}


def terms_of(files: Iterable[str]) -> list[str]:
    """Terms that apply to a set of shards; unknown shards are named so that nobody takes silence for freedom."""
    found: dict[str, None] = {}
    for name in files:
        terms = [text for prefix, text in _TERMS.items() if name.startswith(prefix)]
        for text in terms or [f"{name}: terms not known to this program; ask who gave you the data."]:
            found[text] = None
    return list(found)
