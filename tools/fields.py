"""Write the tables of fields in docs/plugin-api.md from the docstrings of ``diffopt_core.types``.

    python tools/fields.py            # write
    python tools/fields.py --check    # write nothing; status 1 if the page is behind

A table stands below each heading ``### `Name```. Leading dimensions (``*b``) are shown as those of one clip, ``T``.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "plugin-api.md"
TYPES = ROOT / "packages/diffopt-core/src/diffopt_core/types.py"


def table(name: str) -> str:
    """A row a field: name, type, what it is."""
    tree = ast.parse(TYPES.read_text())
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    rows = ["| field | type | what |", "|---|---|---|"]
    for line, words in zip(found.body, found.body[1:], strict=False):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            if not (isinstance(words, ast.Expr) and isinstance(words.value, ast.Constant)):
                raise SystemExit(f"{TYPES.name}: {name}.{line.target.id} has no docstring")
            said = re.sub(r":\w+:`([^`]+)`", r"`\1`", str(words.value.value)).replace("``", "`")
            rows.append(f"| `{line.target.id}` | {_type(ast.unparse(line.annotation))} | {said} |")
    return "\n".join(rows)


def _type(annotation: str) -> str:
    """``Float[Tensor, '*b 3 3']`` as ``Float T 3 3``."""
    plain = re.sub(r"(Float|Bool)\[Tensor, '([^']*)'\]", r"\1 \2", annotation)
    return f"`{plain.replace('*b', 'T').replace('*n ', '').replace('|', 'or')}`"


def page(text: str) -> str:
    """The page with every table anew."""
    return re.sub(r"(?ms)(^### `(\w+)`\n.*?)^\| field \|.*?(?=\n\n|\Z)", lambda m: m[1] + table(m[2]), text)


def main() -> int:
    text = PAGE.read_text()
    if "--check" not in sys.argv:
        PAGE.write_text(page(text))
        return 0
    return int(page(text) != text)


if __name__ == "__main__":
    sys.exit(main())
