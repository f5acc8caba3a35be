"""Runs in the environment of DROID-SLAM: frames in, one camera-to-world pose per frame out.

Standard library, NumPy, torch, OpenCV and DROID-SLAM; no DiffOpt import. Saves ``poses`` (N 7: tx ty tz qx qy qz qw),
``keyframes``, ``warmup``, ``masking``; or ``missing``: what the machine lacks.
"""

import argparse
import contextlib
import inspect
import os
import sys
import tempfile

import numpy as np
from diffopt_frames import count, fail, frames, job, progress, save

WARMUP = 8
#: Mean colour of ImageNet, BGR: zero after DROID-SLAM's normalisation.
PAINT = (104, 116, 124)


def settings(order, height, width):
    """The arguments of DROID-SLAM's own demo, without a window and with a stride of 1."""
    return argparse.Namespace(
        weights=order["weights"], buffer=order["buffer"], image_size=[height, width], disable_vis=True, stereo=False,
        beta=0.3, filter_thresh=2.4, warmup=WARMUP, keyframe_thresh=4.0, frontend_thresh=16.0,
        frontend_window=25, frontend_radius=2, frontend_nms=1, backend_thresh=22.0, backend_radius=2, backend_nms=3,
        upsample=False, asynchronous=False, frontend_device="cuda", backend_device="cuda",
    )  # fmt: skip


class Images:
    """The resized frames, kept on disk because DROID-SLAM reads them twice."""

    def __init__(self, order, folder, cv2):
        width, height = order["size"]
        share = np.sqrt(384 * 512 / (height * width))
        self.resized = int(width * share), int(height * share)
        self.width, self.height = (side - side % 8 for side in self.resized)
        scale = np.array([self.resized[0] / width, self.resized[1] / height] * 2)
        focal = float(order["focal"])
        self.intrinsics = np.array([focal, focal, width / 2, height / 2]) * scale
        self._stored = np.memmap(
            os.path.join(folder, "images"), np.uint8, "w+", shape=(count(), self.height, self.width, 3)
        )
        self.masks = load_masks(order, cv2, self.resized, self.height, self.width)
        for i, frame in enumerate(frames()):
            image = cv2.resize(frame[:, :, ::-1], self.resized)[: self.height, : self.width]
            if self.masks is not None:
                image[self.masks(i)] = PAINT
            self._stored[i] = image
            progress(i + 1, 3 * count())

    def stream(self, torch, done):
        """Number, image 1 3 H W (BGR) and fx fy cx cy of each frame; ``done``: images already read in an earlier pass
        (for the progress bar)."""
        for i in range(len(self._stored)):
            progress(done + i, 3 * count())
            image = torch.from_numpy(np.array(self._stored[i])).permute(2, 0, 1)
            yield i, image[None], torch.tensor(self.intrinsics, dtype=torch.float32)


def load_masks(order, cv2, resized, height, width):
    """Function from frame number to the person pixels of its resized image (H W bool), slightly dilated; or None."""
    if "masks" not in order:
        return None
    with np.load(order["masks"]) as file:
        masks = file["masks"]
    if len(masks) != count():
        fail(f"droid-slam: {len(masks)} masks for {count()} frames")
    kernel = np.ones((9, 9), np.uint8)

    def mask(i):
        grown = cv2.dilate(cv2.resize(masks[i].astype(np.uint8), resized, interpolation=cv2.INTER_NEAREST), kernel)
        return grown[:height, :width] > 0

    return mask


def silence_people(droid, torch):
    """Zero weight for painted pixels in every bundle adjustment of a DROID-SLAM without masks.

    Its update network returns (state, flow, weight, damping, upsampling) for edges ii -> jj of keyframes; weight is 1 K
    h w 2 at an eighth of the resolution. Painted pixels are found from the keyframes' images. Returns a list that gets
    one entry per call in which the weights were set.
    """
    reached = []
    paint = torch.tensor(PAINT, dtype=torch.uint8).reshape(1, 3, 1, 1)

    def hook(module, args, result):
        if len(args) < 5 or len(result) < 3:
            return None
        images = droid.video.images[args[4].to(droid.video.images.device)]
        people = (images == paint.to(images.device)).all(1, keepdim=True).float()
        coarse = torch.nn.functional.max_pool2d(people, 8)[:, 0] > 0
        weight = result[2]
        if weight.shape[1:4] != coarse.shape:
            return None
        reached.append(True)
        return (*result[:2], weight.masked_fill(coarse.to(weight.device)[None, ..., None], 0.0), *result[3:])

    with contextlib.suppress(AttributeError):  # another program of that name; the list stays empty
        droid.net.update.register_forward_hook(hook)
    return reached


def track(images, order, torch):
    """Poses N 7 (None if there is only one keyframe), number of keyframes, and how people were masked."""
    from droid import Droid

    droid, reached, total = Droid(settings(order, images.height, images.width)), [], count()
    takes_mask = images.masks is not None and "mask" in inspect.signature(droid.track).parameters
    if images.masks is not None and not takes_mask:
        reached = silence_people(droid, torch)
    for i, image, intrinsics in images.stream(torch, total):
        if takes_mask:
            mask = torch.from_numpy(images.masks(i)).float()[None, None]
            coarse = torch.nn.functional.max_pool2d(mask, 8)[0, 0]
            droid.track(i, image, intrinsics=intrinsics, mask=coarse)
        else:
            droid.track(i, image, intrinsics=intrinsics)
    keyframes = int(droid.video.counter.value)
    masking = "fork" if takes_mask else "weights" if reached else "painted"
    if keyframes <= 1:
        return None, keyframes, masking
    poses = droid.terminate(images.stream(torch, 2 * total))
    return np.asarray(poses, dtype=np.float64), keyframes, "weights" if reached else masking


def main():
    import cv2
    import torch

    order = job()
    if not torch.cuda.is_available():
        save(missing=np.array("needs an NVIDIA GPU, and torch sees none in this environment"))
        return
    sys.path.insert(0, order["repository"])
    with tempfile.TemporaryDirectory(prefix="droid-") as folder:
        images = Images(order, folder, cv2)
        poses, keyframes, masking = track(images, order, torch)
        save(
            poses=np.zeros((0, 7)) if poses is None else poses,
            keyframes=np.array(keyframes),
            warmup=np.array(WARMUP),
            masking=np.array(masking),
        )


if __name__ == "__main__":
    main()
