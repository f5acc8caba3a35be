"""tools/census.py on a small tree whose figures are known by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CENSUS = Path(__file__).parents[2] / "tools" / "census.py"

HERE = '''"""Two lines
of words."""

from . import there


def public():  # a comment behind code counts as code
    """One line."""

    def inner(): ...
'''
THERE = """# a comment
def lazy():
    from .here import public

    return public


class _Private: ...
"""


def _tree(root: Path) -> Path:
    package = root / "packages" / "diffopt-core" / "src" / "diffopt_core"
    package.mkdir(parents=True)
    for name, text in {"__init__": "", "here": HERE, "there": THERE}.items():
        (package / f"{name}.py").write_text(text)
    return root


def _run(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(CENSUS), str(root), *options], capture_output=True, text=True)


def test_counts_a_known_tree(tmp_path: Path) -> None:
    found = json.loads(_run(_tree(tmp_path), "--json").stdout)
    assert found["circles"] == [["diffopt_core.here", "diffopt_core.there"]]
    assert (found["files"], found["lines"], found["code_lines"]) == (3, 18, 7)
    # the three modules, public and lazy; a function's inside and what starts with _ are not public
    assert (found["docstring_lines"], found["public_objects"]) == (3, 5)
    assert found["untyped_packages"] == ["diffopt_core"]
    assert found["loose_core_files"] == ["__init__.py", "here.py", "there.py"]


def test_py_typed_and_a_broken_circle_are_seen(tmp_path: Path) -> None:
    package = _tree(tmp_path) / "packages" / "diffopt-core" / "src" / "diffopt_core"
    (package / "py.typed").touch()
    (package / "there.py").write_text("")
    found = json.loads(_run(tmp_path, "--json").stdout)
    assert (found["circles"], found["untyped_packages"]) == ([], [])


def test_a_folder_without_packages_is_one_line(tmp_path: Path) -> None:
    ran = _run(tmp_path)
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
