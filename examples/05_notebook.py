"""A result in a notebook: it displays itself, with player and charts. Cells are marked with `# %%`.

Open it in Jupyter (jupytext), VS Code or Spyder, or run it as a script: python examples/05_notebook.py [RESULT...]
"""

# %%
from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffopt_motion import Page, Result, load, recover, write_demo

# %% A result: solved here, or read from the folders that `diffopt run` wrote.


def solved(folder: Path, settings: Mapping[str, Any] | None = None) -> Result:
    """The recovered demo. ``settings`` are those of ``--set``."""
    return recover(write_demo(folder / "demo.npz"), settings=settings)


def main(folders: Sequence[Path], out: Path, settings: Mapping[str, Any] | None = None) -> Page:
    """The page of the results in these folders, or of a new one."""
    return Page([load(folder) for folder in folders] or [solved(out, settings)])


# %% As the last line of a cell, a result displays itself: `result`, or `Page([one, other])` for several of one clip.

if __name__ == "__main__":
    page = main([Path(name) for name in sys.argv[1:]], Path("runs/example_05"))

    # %% In a notebook the next line is the report. Outside of one, the same page goes to a file.
    display = page
    print(page.write(Path("runs/example_05/report.html")))
