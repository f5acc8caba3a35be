"""``report.html``: one file that shows a result: a 3D player, synchronised charts, settings, provenance.
``write_report(result, path)`` writes it; ``Page(result)`` shows it in a notebook. It loads nothing from the network.
The player is our own (``page/*.js``): charts and player share one time cursor, which an embedded viewer client, several
times larger than this page, does not offer.
"""

from __future__ import annotations

from .page import Page, shown, write_report

__all__ = ["Page", "shown", "write_report"]
