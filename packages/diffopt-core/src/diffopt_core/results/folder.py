"""The folder of one result: refused where another run lives, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..common.documents import read_json
from ..errors import DiffOptError
from ..interfaces import Exporter
from ..types import Result


class ResultFolder:
    """``path`` holds ``run.json`` (written last) and what the exporters write."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    def holds(self, fingerprint: str) -> bool:
        """Whether the finished result of exactly this run is here."""
        saved = self._saved()
        return saved.get("fingerprint") == fingerprint and saved.get("status") in ("finished", "doubtful")

    def check(self, fingerprint: str, overwrite: bool) -> None:
        """Refuse a folder that cannot be written or that holds another run."""
        saved = self._saved()
        if saved and saved.get("fingerprint") != fingerprint and not overwrite:
            raise DiffOptError(f"{self.path}: holds another run ({self.run_file.name}); use --out or --overwrite")
        if self.path.exists() and not self.path.is_dir():
            raise DiffOptError(f"{self.path}: is a file; results need a folder (--out)")
        nearest = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
        if not os.access(nearest, os.W_OK):
            raise DiffOptError(f"{nearest}: no permission to write; choose another folder with --out")

    def write(self, result: Result, exporters: Sequence[Exporter], run: dict[str, Any]) -> list[Path]:
        """Export into a folder beside this one, then move the files in; ``run.json`` goes last.

        Raises DiffOptError where that cannot be written; then nothing is left of it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.", dir=self.path.parent))
        except OSError as error:
            raise DiffOptError(f"{self.path}: cannot be written ({error.strerror})") from error
        try:
            for exporter in exporters:
                exporter.export(result, draft)
            (draft / "run.json").write_text(json.dumps(run, indent=1, default=str) + "\n")
            self.path.mkdir(exist_ok=True)
            self.run_file.unlink(missing_ok=True)
            files = sorted(draft.iterdir(), key=lambda file: file.name == "run.json")
            for file in files:
                os.replace(file, self.path / file.name)
        except OSError as error:
            raise DiffOptError(f"{self.path}: cannot be written ({error.strerror or error})") from error
        except DiffOptError as error:  # an exporter that knows the draft alone
            raise DiffOptError(str(error).replace(str(draft), str(self.path))) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return [self.path / file.name for file in files]

    def _saved(self) -> dict[str, Any]:
        try:
            saved = read_json(self.run_file)
        except DiffOptError:
            return {}
        return saved if isinstance(saved, dict) else {}
