"""Bodies on the SMPL tree: ``anny24`` (embedded mesh), ``stick`` (any rest skeleton), ``smpl`` (the user's file)."""

from __future__ import annotations

from ...plugin import Component, WeightFile, run_against

COMPONENTS = (
    Component("body", "auto", f"{__name__}.anny24:AutoBodyConfig", "the clip's own skeleton, if any, else anny24"),
    Component("body", "anny24", f"{__name__}.anny24:Anny24Config", "embedded mesh of 3,446 vertices; not SMPL's betas"),
    Component("body", "stick", f"{__name__}.stick:StickConfig", "joints of the clip's own rest skeleton"),
    Component(
        "body",
        "smpl",
        f"{__name__}.smpl:SmplConfig",
        "SMPL through smplx, with your own model file",
        upstream=run_against("smplx", "1265df7"),
    ),
)

WEIGHTS = (
    WeightFile(
        "smpl-neutral",
        "SMPL body model, neutral",
        "SMPL_NEUTRAL.pkl",
        "Max Planck non-commercial research licence",
        "https://smpl.is.tue.mpg.de/modellicense.html",
        registration="https://smpl.is.tue.mpg.de",
        used_by="body smpl; hmr2 and vibe need it as well",
        then="Take it with --body smpl.",
    ),
)
