"""Weight files that are not shipped: their paths, checksums and download.

Nothing is downloaded unless :func:`fetch` is called, which only ``diffopt weights get`` does. A component calls
``locate("name")`` and gets a checked path, or an error that names the command. :data:`WeightFile` rows come from
plugins, through the hook ``diffopt_weights``.
"""

from __future__ import annotations

from ...plugin import WeightFile
from .fetch import copy_from, fetch
from .store import Found, find, locate, place_of, remedy

__all__ = ["Found", "WeightFile", "copy_from", "fetch", "find", "locate", "place_of", "remedy"]
