"""Settings of the metrics: none, because a protocol with settings is another protocol and needs another name.

Each ``build`` imports its own file, so torch enters only when a metric is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import ComponentConfig

if TYPE_CHECKING:
    from ..interfaces import BuildContext, Metric


class RigidClipConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .rigid_clip import RigidClip

        return RigidClip(fit="joints", score="joints")


class RigidClipMeshConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .rigid_clip import RigidClip

        return RigidClip(fit="vertices", score="vertices")


class RigidClipByMeshConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .rigid_clip import RigidClip

        return RigidClip(fit="vertices", score="joints")


class FirstFrameConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .first_frame import FirstFrame

        return FirstFrame()


class Heading250Config(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .heading_250 import Heading250

        return Heading250()


class WMpjpe100Config(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .w_mpjpe import ChunkedMpjpe

        return ChunkedMpjpe(fit_frames=2)


class WaMpjpe100Config(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .w_mpjpe import ChunkedMpjpe

        return ChunkedMpjpe(fit_frames=None)


class RteConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .rte import Rte

        return Rte()


class PathRatioConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .path_ratio import PathRatio

        return PathRatio()


class MpjpeRigidConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .mpjpe_rigid import MpjpeRigid

        return MpjpeRigid(score="joints")


class MpvpeConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .mpjpe_rigid import MpjpeRigid

        return MpjpeRigid(score="vertices")


class CameraPelvisConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .camera_pelvis import CameraPelvis

        return CameraPelvis(score="joints")


class EmdbMveConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .camera_pelvis import CameraPelvis

        return CameraPelvis(score="vertices")


class NemoLocalConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .nemo_local import NemoLocal

        return NemoLocal()


class PaMpjpeConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .pa_mpjpe import PaMpjpe

        return PaMpjpe()


class JitterConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .jitter import Jitter

        return Jitter()


class EmdbJitterConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .jitter import EmdbJitter

        return EmdbJitter()


class AccelConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .accel import Accel

        return Accel()


class FootSlidingConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .foot_sliding import FootSliding

        return FootSliding()


class FootSlidingJointsConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .foot_sliding import FootSlidingJoints

        return FootSlidingJoints()


class CameraAteConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .camera_path import CameraAte

        return CameraAte(scale=False)


class CameraAteScaledConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .camera_path import CameraAte

        return CameraAte(scale=True)


class CameraRpeConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .camera_path import CameraRpe

        return CameraRpe(scale=False)


class CameraRpeScaledConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .camera_path import CameraRpe

        return CameraRpe(scale=True)


class CameraRpeRotationConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .camera_path import CameraRpeRotation

        return CameraRpeRotation()


class TramWConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .w_mpjpe import TramChunkedMpjpe

        return TramChunkedMpjpe(fit_frames=2)


class TramWaConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .w_mpjpe import TramChunkedMpjpe

        return TramChunkedMpjpe(fit_frames=None)


class TramAteConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .camera_path import CameraAte

        return CameraAte(scale=True, squared=False)


class TramAteSConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .camera_path import CameraAte

        return CameraAte(scale=False, squared=False)


class EmdbMpjaeConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .emdb_mpjae import EmdbMpjae

        return EmdbMpjae(procrustes=False)


class EmdbMpjaePaConfig(ComponentConfig):
    def build(self, ctx: BuildContext) -> Metric:
        from .emdb_mpjae import EmdbMpjae

        return EmdbMpjae(procrustes=True)
