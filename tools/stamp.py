"""Carry the version and the address of the repository, which the root's pyproject.toml says, to where they are needed.

    python tools/stamp.py            # write
    python tools/stamp.py --check    # write nothing; status 1 and the names of files that are behind

Each package gets the version, its siblings at exactly this version, and the address as its URL; the README's
``git clone`` and ``CITATION.cff`` get theirs.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def stamped(root: Path = ROOT) -> Iterator[tuple[Path, str, str]]:
    """(file, text as it is, text as it should be)."""
    said = tomllib.loads((root / "pyproject.toml").read_text())
    version, address = said["project"]["version"], said["tool"]["diffopt"]["repository"]
    for path in sorted([*root.glob("packages/*/pyproject.toml"), *root.glob("plugins/*/pyproject.toml")]):
        yield path, (text := path.read_text()), _package(text, version, address)
    path = root / "README.md"
    yield path, (text := path.read_text()), re.sub(r"git clone \S+ ", f"git clone {address} ", text)
    path = root / "CITATION.cff"
    yield path, (text := path.read_text()), re.sub(r"(?m)^version: .*$", f"version: {version}", text)


def _package(text: str, version: str, address: str) -> str:
    text = re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', text)
    text = re.sub(r'"(diffopt-[a-z0-9-]+)(\[[a-z,]+\])?(==[^"]*)?"(?=,|\])', rf'"\1\2=={version}"', text)
    text = re.sub(r"(?m)^\[project\.urls\]\n(.+\n)*\n", "", text)
    if not address.startswith("https://"):
        return text
    urls = f'[project.urls]\nRepository = "{address}"\nChangelog = "{address}/blob/main/CHANGELOG.md"\n\n'
    return text.replace("[build-system]", f"{urls}[build-system]")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    behind = [(path, text) for path, was, text in stamped() if text != was]
    for path, text in behind:
        print(path.relative_to(ROOT))
        if not check:
            path.write_text(text)
    return int(bool(behind) and check)


if __name__ == "__main__":
    raise SystemExit(main())
