"""SMPL (Loper et al. 2015) through smplx, with the user's own model file.

smplx's code and SMPL's model are for non-commercial research (their licences say what that means); neither
ships with this package. smplx is imported when this body is built and not before. The optimiser's loop runs on
the project's own forward kinematics, which agrees with smplx to rounding and touches no vertex; the mesh is
smplx's own. Face and foot points are smplx's vertex table, all other points are joints.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...common.places import weights_folder
from ...config import ComponentConfig
from ...data.skeleton import PARENTS
from ...errors import BadInput, MissingResource

if TYPE_CHECKING:
    from ...interfaces import BuildContext

NAME = "smpl"
ENVIRONMENT = "DIFFOPT_SMPL"
NUM_VERTICES = 6890
KEYS = ("v_template", "shapedirs", "posedirs", "weights", "J_regressor", "f", "kintree_table")
HOW_TO_GET = (
    "register at https://smpl.is.tue.mpg.de (non-commercial licence), download SMPL for Python, and name the file "
    f"or its folder with --set body.path=/path/to/SMPL_NEUTRAL.pkl or the environment variable {ENVIRONMENT}, or put "
    "it into the folder that `diffopt weights where` names; "
    "or use --body anny24, which needs no file"
)


class SmplConfig(ComponentConfig):
    """``path``: the model file (.pkl or .npz), or a folder that holds ``SMPL_NEUTRAL`` in either form."""

    licence: ClassVar[str] = (
        "SMPL model and smplx code: Max Planck non-commercial research licences; https://smpl.is.tue.mpg.de"
    )

    builds: ClassVar[str] = "diffopt_core.parts.bodies.smpl_body:SmplBody"

    path: Path | None = None
    gender: Literal["neutral", "male", "female"] = "neutral"

    def build(self, ctx: BuildContext) -> Any:
        # fail before the heavy work: the file first, then the package, then torch
        find_model(self.path, self.gender)
        try:
            import smplx  # noqa: F401
        except ImportError as error:
            raise MissingResource(
                "body 'smpl' needs the package smplx (non-commercial research licence): "
                "install diffopt-core[smpl]; or use --body anny24"
            ) from error
        return super().build(ctx)


def find_model(path: Path | None, gender: str) -> Path:
    """The model file by option, environment or in the folder of weights.

    Raises MissingResource: what, where to get it, where to put it.
    """
    given = path or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    if given is None and any(weights_folder().glob(f"SMPL_{gender.upper()}.*")):
        given = weights_folder()
    if given is None:
        raise MissingResource(f"body 'smpl' needs SMPL's model file, and none is named: {HOW_TO_GET}")
    given = given.expanduser()
    if given.is_file():
        return given
    stem = f"SMPL_{gender.upper()}"
    own = (
        f"basic[mM]odel_{gender if gender == 'neutral' else gender[0]}_lbs_10_207_0*.pkl"  # as SMPL's archives name it
    )
    for folder in (given, given / "smpl", given / "models"):
        for pattern in (f"{stem}.npz", f"{stem}.pkl", own):
            for file in sorted(folder.glob(pattern)):
                if file.is_file():
                    return file
    there = ", ".join(sorted(file.name for file in given.glob("*.[np][pk][zl]"))[:5]) if given.is_dir() else ""
    raise MissingResource(
        f"no SMPL model file at '{given}' (looked for it and for {stem}.npz/.pkl and {own} in it"
        f"{'; there is ' + there if there else ''}): {HOW_TO_GET}"
    )


def read_model(file: Path) -> Mapping[str, Any]:
    """SMPL's arrays, dense, checked. A pickle goes through the restricted unpickler. Raises BadInput."""
    import numpy as np

    from ...common.npz import read_npz
    from ...common.unpickle import read_pickle, to_array

    if file.suffix == ".npz":
        raw: Any = read_npz(file)
    else:
        raw = read_pickle(file)
    if not isinstance(raw, dict):
        raise BadInput(file, "content", f"a mapping of arrays was expected, not {type(raw).__name__}")
    missing = [key for key in KEYS if key not in raw]
    if missing:
        raise BadInput(file, missing[0], "missing; this is not an SMPL model file")
    arrays = {}
    for key in KEYS:
        try:
            arrays[key] = to_array(raw[key])
        except (ValueError, KeyError) as error:
            raise BadInput(file, key, f"cannot be read as an array: {error}") from error
        if arrays[key].dtype.kind not in "biuf" or not np.isfinite(arrays[key]).all():
            raise BadInput(file, key, "holds something that is no finite number")
    expected = {
        "v_template": (NUM_VERTICES, 3), "weights": (NUM_VERTICES, 24), "J_regressor": (24, NUM_VERTICES),
        "posedirs": (NUM_VERTICES, 3, 207), "kintree_table": (2, 24),
    }  # fmt: skip
    for key, shape in expected.items():
        if arrays[key].shape != shape:
            raise BadInput(
                file, key, f"shape {arrays[key].shape}, SMPL's is {shape}; SMPL-H and SMPL-X files do not fit"
            )
    if tuple(arrays["kintree_table"][0, 1:]) != PARENTS[1:]:  # the root's parent is -1 or 2^32 - 1
        raise BadInput(file, "kintree_table", "the tree is not SMPL's")
    if arrays["shapedirs"].shape[:2] != (NUM_VERTICES, 3) or arrays["shapedirs"].shape[2] < 10:
        raise BadInput(file, "shapedirs", f"shape {arrays['shapedirs'].shape}, expected (6890, 3, 10 or more)")
    return arrays
