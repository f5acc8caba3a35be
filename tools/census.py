"""What the house measures: files, lines, import circles, types and words, and how long it takes to start.

    python tools/census.py [ROOT] [--json] [--start CASE.npz]

Read as text, never imported, below ``packages/*/src`` and ``plugins/*/src``. Code lines are lines without blank,
comment and docstring lines. A circle is a group of modules that import one another, lazy imports and those for types
alone counted. ``--start`` runs two processes: see :func:`start_up`.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

Edges = dict[str, set[str]]
_OPEN = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file: its dotted name, whether it is a package's ``__init__``, its text and what that parses to."""

    name: str
    is_package: bool
    text: str
    tree: ast.Module


@dataclass(frozen=True)
class Census:
    """The figures; the mean of docstring lines is over public objects with and without a docstring."""

    circles: list[list[str]]
    files: int
    lines: int
    code_lines: int
    docstring_lines: int
    public_objects: int
    docstring_lines_per_object: float
    untyped_packages: list[str]
    loose_core_files: list[str]


def modules(root: Path) -> list[Module]:
    """Every module below ``root/packages/*/src`` and ``root/plugins/*/src``."""
    sources = [*root.glob("packages/*/src"), *root.glob("plugins/*/src")]
    return [_module(file, source) for source in sources for file in sorted(source.rglob("*.py"))]


def _module(file: Path, source: Path) -> Module:
    parts = file.relative_to(source).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    text = file.read_text(encoding="utf-8")
    return Module(".".join(parts[:-1] if is_package else parts), is_package, text, ast.parse(text))


def _docstring(node: ast.AST) -> ast.Expr | None:
    first = node.body[0] if isinstance(node, _OPEN) and node.body else None
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return first if is_text else None  # type: ignore[return-value]


def _span(node: ast.Expr | None) -> range:
    return range(0) if node is None else range(node.lineno, (node.end_lineno or node.lineno) + 1)


def code_lines(module: Module) -> int:
    """Lines that are not blank, not a comment and not of a docstring."""
    prose = {line for node in ast.walk(module.tree) for line in _span(_docstring(node))}
    texts = enumerate((line.strip() for line in module.text.splitlines()), 1)
    return sum(bool(text) and not text.startswith("#") and line not in prose for line, text in texts)


def public_docstrings(module: Module) -> list[int]:
    """Docstring lines of each public object: the module, and classes, functions and methods whose path has no ``_``."""
    return [len(_span(_docstring(node))) for node in _public(module.tree)]


def _public(node: _OPEN) -> Iterator[_OPEN]:
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for child in node.body:
            if isinstance(child, _OPEN) and not getattr(child, "name", "").startswith("_"):
                yield from _public(child)


def imports(every: Sequence[Module]) -> Edges:
    """Module -> modules that it imports, packages' own ``__init__`` left out."""
    plain = {module.name for module in every if not module.is_package}
    return {module.name: (set(_imported(module)) & plain) - {module.name} for module in every}


def _imported(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.name.split(".") + ([""] if module.is_package else [])
            base = above[: len(above) - node.level] if node.level else []
            stem = ".".join([*base, *filter(None, [node.module])])
            yield stem
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def circles(edges: Edges) -> list[list[str]]:
    """Groups of two and more modules that reach one another."""
    reached = {start: _reach(start, edges) for start in edges}
    groups = {frozenset(b for b in reached[a] if a in reached[b]) for a in edges}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reach(start: str, edges: Edges) -> set[str]:
    """What ``start`` imports, directly or through others; itself only where it lies on a circle."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = edges[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def untyped(root: Path) -> list[str]:
    """Packages without the ``py.typed`` that tells a type checker to read them."""
    packages = (p.parent for where in ("packages", "plugins") for p in root.glob(f"{where}/*/src/*/__init__.py"))
    return sorted(package.name for package in packages if not (package / "py.typed").is_file())


def census(root: Path) -> Census:
    """Count all that is counted without running anything. Raises ``SystemExit`` where there is nothing to read."""
    every = modules(root)
    if not every:
        raise SystemExit(f"{root}: no Python below packages/*/src or plugins/*/src; give the checkout's folder")
    words = [lines for module in every for lines in public_docstrings(module)]
    core = root / "packages/diffopt-core/src/diffopt_core"
    return Census(
        circles(imports(every)),
        len(every),
        sum(len(module.text.splitlines()) for module in every),
        sum(code_lines(module) for module in every),
        sum(words),
        len(words),
        round(sum(words) / len(words), 3),
        untyped(root),
        sorted(path.name for path in core.glob("*.py")),
    )


def start_up(case: Path) -> dict[str, float]:
    """CPU seconds of ``diffopt check CASE``, of ``import torch, numpy``, and the first as a multiple of the second.

    Each is the least of three, user and system time of the child and its children, on one thread.
    """
    check = min(_cpu_seconds("-c", "from diffopt_core.cli import main; main()", "check", str(case)) for _ in range(3))
    bare = min(_cpu_seconds("-c", "import torch, numpy") for _ in range(3))
    return {"check_s": round(check, 2), "import_s": round(bare, 2), "multiple": round(check / bare, 2)}


def _cpu_seconds(*arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *arguments], check=True, env=env, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def text(found: Census, start: dict[str, float] | None) -> str:
    """The figures as lines for people."""
    rows = [
        f"circles {len(found.circles)}   files {found.files}   lines {found.lines}   code lines {found.code_lines}",
        *(f"  circle: {' <-> '.join(group)}" for group in found.circles),
        f"docstring lines per public object {found.docstring_lines_per_object} "
        f"({found.docstring_lines} lines, {found.public_objects} objects)",
        f"packages without py.typed: {', '.join(found.untyped_packages) or 'none'}",
        f"loose files in the core's top folder: {len(found.loose_core_files)}",
    ]
    if start is not None:
        rows.append(
            "diffopt check: {check_s} CPU s, import torch, numpy: {import_s} CPU s, multiple {multiple}".format(**start)
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Files, lines, import circles, types and words of the packages.")
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).parents[1], help="the checkout")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--start", type=Path, metavar="CASE.npz", help="measure the start-up with this case too")
    asked = parser.parse_args()
    found = census(asked.root)
    start = None if asked.start is None else start_up(asked.start)
    print(json.dumps(asdict(found) | {"start": start}, indent=2) if asked.json else text(found, start))


if __name__ == "__main__":
    main()
