"""View results in the browser: viewer ``viser`` and ``diffopt view``."""
