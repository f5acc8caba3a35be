"""Whose betas are these? Theta is shared by all bodies of the SMPL tree; betas belong to one model."""

from __future__ import annotations

from ..errors import DiffOptError
from ..types import HumanMotion


class ForeignBetas(DiffOptError):
    """Betas of one body model given to another."""


def check_betas(motion: HumanMotion, body: str) -> None:
    """Raise :class:`ForeignBetas` if the motion carries a shape of another model.

    All-zero betas are every model's mean and pass.
    """
    if motion.betas_of != body and bool((motion.betas != 0).any()):
        remedies = ["--body smpl with your own model file"] if motion.betas_of == "smpl" else []
        remedies += ["--set body.shape=mean (the mean shape, all betas ignored)"] if body != "smpl" else []
        raise ForeignBetas(
            f"betas of '{motion.betas_of}' given to body '{body}': poses are interchangeable, shapes are not. "
            f"Use {' or '.join(remedies or ['betas of zero'])}"
        )
