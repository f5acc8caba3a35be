"""A result in a notebook: it shows itself, player and charts and all. Cells are marked with `# %%`.

Open it in Jupyter (jupytext), VS Code or Spyder, or run it as a script: python examples/05_notebook.py [RESULT...]
"""

# %%
from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from diffopt_core.datasets.case_file import write_case
from diffopt_core.demo_motion import demo_case
from diffopt_core.recipe import assign, load, parse
from diffopt_core.registry import Registry
from diffopt_core.report import Page
from diffopt_core.run import Run, execute
from diffopt_core.saved import read_result
from diffopt_core.types import Result

# %% A result: solved here, or read from the folders that `diffopt run` wrote.


def solved(folder: Path, settings: Sequence[str] = ()) -> Result:
    """The demonstration, recovered. ``settings`` are those of ``--set``."""
    case = folder / "demo.npz"
    write_case(case, *demo_case(0))
    registry = Registry.load()
    recipe = parse(assign(load("paper", registry.recipes), settings))
    (result,) = execute(Run((case,), recipe, registry, folder, overwrite=True), lambda *_: None)
    return result


def main(folders: Sequence[Path], out: Path, settings: Sequence[str] = ()) -> Page:
    """The page of the results in these folders, or of a new one."""
    results = [read_result(folder, truth=True) for folder in folders] or [solved(out, settings)]
    return Page(results)


# %% At the end of a cell a result shows itself: `result`, or `Page([one, other])` for several of one clip.

if __name__ == "__main__":
    page = main([Path(name) for name in sys.argv[1:]], Path("runs/example_05"))

    # %% In a notebook the next line is the report. Outside of one, the same page goes to a file.
    display = page
    print(page.write(Path("runs/example_05/report.html")))
