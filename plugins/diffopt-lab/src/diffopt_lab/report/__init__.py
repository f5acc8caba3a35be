"""``report.html``: one file that shows a result: a 3D player, charts that share its time, settings, provenance.

``write_report(result, path)`` writes it; ``Page(result)`` shows it in a notebook. Nothing is fetched when it is read.
The player is our own (``page/*.js``): charts and player share one time cursor, which an embedded viewer's client,
several times the size of this page, does not offer.
"""

from __future__ import annotations

from .page import Page, shown, write_report

__all__ = ["Page", "shown", "write_report"]
