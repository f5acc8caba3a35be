"""Tables of numbers in text files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diffopt_core.errors import BadInput


def read_text(path: Path) -> str:
    """The file's text. Raises BadInput where it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(path, "file", "does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(path, "file", f"is no text file ({error})") from None


def data_lines(text: str) -> list[tuple[int, str]]:
    """Lines with something on them that are no comments, with their numbers (from 1)."""
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def rows_of(text: str, path: Path, width: int, what: str) -> np.ndarray:
    """N ``width`` doubles. Raises BadInput naming the line that holds something else."""
    lines = data_lines(text)
    if not lines:
        raise BadInput(path, "poses", "holds no line with a pose")
    rows = []
    for number, line in lines:
        try:
            row = [float(word) for word in line.replace(",", " ").split()]
        except ValueError:
            raise BadInput(path, f"line {number}", f"is not all numbers, expected {what}") from None
        if len(row) != width:
            raise BadInput(path, f"line {number}", f"holds {len(row)} numbers, expected {width}: {what}")
        rows.append(row)
    return np.array(rows)
