"""What the command line asked for, checked before anything heavy begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffopt_core.errors import BadInput, DiffOptError

from .files.target import Target
from .moments import rate
from .views.sizes import Size, View, size_of


@dataclass(frozen=True)
class Asked:
    """``label``: what each result is called where there are several."""

    results: list[Path]
    view: View
    target: Target
    size: Size | None
    fps: float | None
    frames: str | None
    truth: bool
    crf: int

    @staticmethod
    def of(
        results: list[Path], view: View, out: Path | None, size: str | None, fps: float | None, frames: str | None,
        truth: bool, crf: int,
    ) -> Asked:  # fmt: skip
        """Raises DiffOptError naming the flag."""
        for path in results:
            if not Path(str(path).partition("#")[0]).exists():
                raise BadInput(path, "file", "does not exist")
        if out is None:
            own = results[0] if results[0].is_dir() else results[0].parent
            if len(results) > 1 or (own != results[0] and results[0].name != "motion.npz"):
                raise DiffOptError("--out: name a file, as there is no one result folder to write into")
            out = own / f"{view}.mp4"
        if fps is not None:
            rate(fps, fps)
        return Asked(results, view, Target.of(out), size_of(size), fps, frames, truth, crf)

    def labels(self) -> list[str]:
        """Names of the results, shown where there are several."""
        if len(self.results) == 1:
            return [""]
        return [path.absolute().name if path.is_dir() else path.stem for path in self.results]
