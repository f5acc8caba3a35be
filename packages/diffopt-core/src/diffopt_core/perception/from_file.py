"""Components ``given`` (the evidence in the clip's file), ``auto`` (that, or else the default component for what the
clip holds), and prior ``none``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from pydantic import ConfigDict

from ..config import ComponentConfig, TermConfig
from ..errors import BadInput, DiffOptError
from ..host.contract import hold_type
from ..interfaces import BuildContext, HasState
from ..plugin import KINDS
from ..types import CameraFrameBody, CameraTrajectory, Observations

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import BuildContext, Energy, ProblemContext
    from ..types import CameraFrameBody, CameraTrajectory, Clip, Observations, Scene


class GivenDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`."""

    def detect(self, clip: Clip) -> Observations:
        """The clip's keypoints, unchanged. Raises BadInput if it has none."""
        if clip.observations is None:
            raise BadInput(
                clip.path or clip.name, "keypoints", "the clip holds none; choose a detector (--detector NAME)"
            )
        return clip.observations


class GivenCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`."""

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """The clip's camera, unchanged: in its own world and unit (``unit``).

        Raises BadInput if the clip has no camera, or one with another number of frames.
        """
        camera = clip.camera
        if camera is None:
            knows = clip.truth is not None and clip.truth.camera is not None
            remedy = "its truth does: --camera gt uses that one" if knows else "choose a source that estimates one"
            raise BadInput(clip.path or clip.name, "camera", f"the clip holds no camera; {remedy} (--camera NAME)")
        if len(camera.R) != clip.num_frames:
            problem = f"{len(camera.R)} cameras for {clip.num_frames} frames"
            raise BadInput(clip.path or clip.name, "camera", problem)
        return camera


class GivenBody:
    """Implements :class:`diffopt_core.interfaces.Initializer`."""

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """The clip's camera-frame body, unchanged. Raises BadInput if it has none."""
        if clip.body is None:
            has_landmarks = observations.landmarks is not None
            remedy = (
                "--init landmarks makes one from its 3D landmarks" if has_landmarks else "choose one with --init NAME"
            )
            raise BadInput(clip.path or clip.name, "body", f"the clip holds no body; {remedy}")
        return clip.body


Part = TypeVar("Part", Observations, CameraTrajectory, CameraFrameBody)


class AutoConfig(ComponentConfig):
    """One option names the component for images; all other options are passed to the component that is chosen."""

    model_config = ConfigDict(frozen=True, extra="allow")

    @property
    def asked(self) -> str | None:
        """The component for images, if the user named one."""
        (own,) = type(self).model_fields
        name: str | None = getattr(self, own)
        return name

    @property
    def handed_on(self) -> Mapping[str, Any]:
        """The other options."""
        return self.model_extra or {}


class AutoVideoConfig(AutoConfig):
    """``video``: the component for clips that have only images; None takes the one whose row is the default for them.
    Other options are passed to it."""

    video: str | None = None


def for_video(ctx: BuildContext, kind: str, asked: str | None, what: Literal["video", "keypoints"] = "video") -> str:
    """The component for a clip that has only images (or keypoints): the requested one, else the default by its row.

    Raises DiffOptError if there is no default, or several.
    """
    if asked is not None:
        return asked
    names = [row.name for row in ctx.host.components[kind].values() if row.default_for == what]
    if len(names) == 1:
        return names[0]
    found = f"{' and '.join(names)} are both defaults" if names else f"no installed package has a default for {what}"
    raise DiffOptError(
        f"the clip's file holds no evidence of kind {kind}, and {found}; choose one with {KINDS[kind].flag} NAME "
        f"(`diffopt plugins {kind}` lists them)"
    )


def signed(part: Part, wanted: type[Part], ctx: BuildContext, kind: str, name: str) -> Part:
    """Check the type of ``part`` and add the name of its component to ``facts``."""
    hold_type(part, wanted, ctx.host, kind, name)
    return replace(part, facts={**part.facts, "component": name})


def _built(ctx: BuildContext, kind: str, name: str, config: AutoConfig) -> Any:
    """Raises DiffOptError for options of a component that is not asked, since the file brings the evidence."""
    if name == "given" and config.handed_on:
        raise DiffOptError(
            f"option '{next(iter(config.handed_on))}' of the {kind}: the file brings its own, so none is asked; "
            f"{KINDS[kind].flag} NAME chooses one in its place"
        )
    return ctx.build(kind, name, config.handed_on)


@dataclass(frozen=True)
class AutoDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`. ``facts["component"]`` names the detector."""

    config: AutoVideoConfig
    ctx: BuildContext

    def state(self) -> str:
        """That of the detector for images (only results from images are kept)."""
        made = self.ctx.build("detector", for_video(self.ctx, "detector", self.config.asked), self.config.handed_on)
        return made.state() if isinstance(made, HasState) else ""

    def detect(self, clip: Clip) -> Observations:
        """The clip's keypoints, or else those of the detector for images."""
        found = clip.observations is not None or clip.video is None
        name = "given" if found else for_video(self.ctx, "detector", self.config.asked)
        made = _built(self.ctx, "detector", name, self.config).detect(clip)
        return signed(made, Observations, self.ctx, "detector", name)


@dataclass(frozen=True)
class AutoCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`. ``facts["component"]`` names the camera source."""

    config: AutoVideoConfig
    ctx: BuildContext

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """The clip's camera, or else that of the source for images."""
        found = clip.camera is not None or clip.video is None
        name = "given" if found else for_video(self.ctx, "camera", self.config.asked)
        made = _built(self.ctx, "camera", name, self.config).trajectory(clip, observations)
        return signed(made, CameraTrajectory, self.ctx, "camera", name)


class AutoInitializerConfig(AutoConfig):
    """``landmarks``: the initializer for clips with 3D landmarks and without a body in their file; None takes the one
    whose row is the default for images. With 2D keypoints only, the default for keypoints is taken. Other options are
    passed to it."""

    builds: ClassVar[str] = f"{__name__}:AutoInitializer"

    landmarks: str | None = None


@dataclass(frozen=True)
class AutoInitializer:
    """Implements :class:`diffopt_core.interfaces.Initializer`. ``facts["component"]`` names the initializer."""

    config: AutoInitializerConfig
    ctx: BuildContext

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """The clip's body, or else one estimated from 3D landmarks or from 2D keypoints."""
        if clip.body is not None:
            name = "given"
        elif observations.landmarks is not None:
            name = for_video(self.ctx, "initializer", self.config.asked)
        else:
            name = for_video(self.ctx, "initializer", None, "keypoints")
        found = _built(self.ctx, "initializer", name, self.config).initialize(clip, observations, camera)
        return signed(found, CameraFrameBody, self.ctx, "initializer", name)


class NoPriorConfig(TermConfig):
    """An energy that is zero everywhere."""

    ragged: ClassVar[bool] = True

    def build(self, ctx: ProblemContext) -> Energy:
        """``energy(scene) -> [B]`` zeros, with a gradient path to the motion, so that a block with only this term still
        runs."""

        def energy(scene: Scene) -> Tensor:
            return 0.0 * scene.motion.trans.sum((1, 2))

        return energy
