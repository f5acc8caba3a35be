"""Run grids on several machines."""

import os

# Under `uv run` Ray would start every worker by `uv run` of the same arguments, which syncs an environment for each.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
