"""SMPL (Loper et al. 2015) through smplx, with the user's own model file.

smplx's code and SMPL's model are licensed for non-commercial research; neither is part of this package. smplx is
imported only when this body is built. The optimisation uses the project's own forward kinematics, which agrees with
smplx up to rounding and needs no vertices; the mesh comes from smplx. Face and foot keypoints are vertices by smplx's
table, all other keypoints are joints.
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
        # check the file first, then the package, before importing torch
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
    """The model file: from the option, the environment variable or the weights folder.

    Raises MissingResource, saying where to get the file and where to put it.
    """
    given = path or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    if given is None and any(weights_folder().glob(f"SMPL_{gender.upper()}.*")):
        given = weights_folder()
    if given is None:
        raise MissingResource(f"body 'smpl' needs SMPL's model file, but none was found: {HOW_TO_GET}")
    given = given.expanduser()
    if given.is_file():
        return given
    stem = f"SMPL_{gender.upper()}"
    # the file name in SMPL's archives
    own = f"basic[mM]odel_{gender if gender == 'neutral' else gender[0]}_lbs_10_207_0*.pkl"
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
    """Read and check SMPL's arrays, as dense arrays. Pickles are read without executing code. Raises BadInput."""
    import numpy as np

    from ...common.unpickle import read_foreign, read_pickle, to_array

    # an archive may have objects beside the arrays
    raw: Any = read_foreign(file) if file.suffix.lower() == ".npz" else read_pickle(file)
    if not isinstance(raw, dict):
        raise BadInput(file, "content", f"is a {type(raw).__name__}; expected a mapping of arrays")
    missing = [key for key in KEYS if key not in raw]
    if missing:
        raise BadInput(file, missing[0], "is missing; expected an SMPL model file")
    arrays = {}
    for key in KEYS:
        try:
            arrays[key] = to_array(raw[key])
        except (ValueError, KeyError) as error:
            raise BadInput(file, key, f"cannot be read as an array: {error}") from error
        if arrays[key].dtype.kind not in "biuf" or not np.isfinite(arrays[key]).all():
            raise BadInput(file, key, "has values that are not finite")
    expected = {
        "v_template": (NUM_VERTICES, 3), "weights": (NUM_VERTICES, 24), "J_regressor": (24, NUM_VERTICES),
        "posedirs": (NUM_VERTICES, 3, 207), "kintree_table": (2, 24),
    }  # fmt: skip
    for key, shape in expected.items():
        if arrays[key].shape != shape:
            raise BadInput(
                file,
                key,
                f"has shape {arrays[key].shape}; expected {shape} of SMPL (SMPL-H and SMPL-X files do not fit)",
            )
    if tuple(arrays["kintree_table"][0, 1:]) != PARENTS[1:]:  # the root's parent is -1 or 2^32 - 1
        raise BadInput(file, "kintree_table", "is another kinematic tree than SMPL's")
    if arrays["shapedirs"].shape[:2] != (NUM_VERTICES, 3) or arrays["shapedirs"].shape[2] < 10:
        raise BadInput(file, "shapedirs", f"has shape {arrays['shapedirs'].shape}; expected (6890, 3, 10 or more)")
    return arrays
