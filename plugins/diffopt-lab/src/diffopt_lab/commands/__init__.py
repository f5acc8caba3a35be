"""``diffopt report``, ``eval`` and ``ablate``."""
