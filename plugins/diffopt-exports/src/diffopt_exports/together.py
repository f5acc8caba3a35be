"""Several formats at once, all of them or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import Exporter
from diffopt_core.progress import track
from diffopt_core.types import Result


def write_together(result: Result, exporters: Mapping[str, Exporter], folder: Path) -> dict[str, list[Path]]:
    """Export into a folder beside ``folder``, then move the files in. Raises DiffOptError if it is unusable."""
    new = not folder.exists()
    try:
        if folder.exists() and not folder.is_dir():
            raise DiffOptError(f"{folder}: is a file; exports need a folder (--out)")
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".exports.", dir=folder))
    except OSError as error:
        raise DiffOptError(f"{folder}: cannot be written ({error.strerror}); choose another with --out") from error
    try:
        drafts: dict[str, list[Path]] = {}
        with track("export", len(exporters)) as update:
            for done, (name, exporter) in enumerate(exporters.items(), 1):
                drafts[name] = exporter.export(result, draft)
                update(done)
        for files in drafts.values():
            for file in files:
                os.replace(file, folder / file.name)
        return {name: [folder / file.name for file in files] for name, files in drafts.items()}
    except OSError as error:
        raise DiffOptError(f"{folder}: cannot be written ({error.strerror}); choose another with --out") from error
    except DiffOptError as error:  # an exporter that knows the draft alone
        raise DiffOptError(str(error).replace(str(draft), str(folder))) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if new and not any(folder.iterdir()):
            folder.rmdir()
