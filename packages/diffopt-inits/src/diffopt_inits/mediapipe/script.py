"""Runs where MediaPipe is installed: looks for people in single images, or follows one through a video.

Job: ``mode`` ``survey`` (boxes of all people in each image) or ``track`` (landmarks and masks by chunks, each written
to its own file as soon as it is done). Coordinates are shares of the image's width and height.
"""

from __future__ import annotations

import os

import numpy as np
from diffopt_frames import fail, frames, job, progress, save, save_as

#: A landmark counts as seen from this visibility on; a person has this many of them in the image.
SEEN, LEAST = 0.5, 8
#: Margin around a person, in their height: of what is blanked out once found, and of the window they are followed in.
BLANK, WINDOW = 0.08, 0.6
GREY = 127
#: The mask is where the segmentation is at least this sure.
SURE = 0.3


class Solutions:
    """MediaPipe 0.10: the models lie in its package."""

    def __init__(self, order, still):
        import mediapipe as mp

        kind = ("lite", "full", "heavy")[order["complexity"]]
        folder = os.path.join(os.path.dirname(mp.__file__), "modules", "pose_landmark")
        if order["complexity"] != 1 and not os.path.exists(os.path.join(folder, f"pose_landmark_{kind}.tflite")):
            fail(
                f"detector mediapipe: complexity {order['complexity']} needs pose_landmark_{kind}.tflite, which is not"
                " in the package and would be downloaded while running; use complexity 1, or backend tasks after"
                f" `diffopt weights get pose-landmarker-{kind}`"
            )
        self._pose = mp.solutions.pose.Pose(
            static_image_mode=still,
            model_complexity=order["complexity"],
            enable_segmentation=not still,
            min_detection_confidence=order["detection"],
            min_tracking_confidence=order["tracking"],
        )

    def __call__(self, image):
        found = self._pose.process(image)
        if found.pose_landmarks is None or found.pose_world_landmarks is None:
            return None
        return rows(found.pose_landmarks.landmark), rows(found.pose_world_landmarks.landmark), found.segmentation_mask

    def close(self):
        self._pose.close()


class Tasks:
    """MediaPipe's Tasks API: the models come as a bundle."""

    def __init__(self, order, still):
        import mediapipe as mp
        from mediapipe.tasks.python import BaseOptions, vision

        self._mp, self._still = mp, still
        self._step, self._count = 1000.0 / order["fps"], 0
        self._time = -1
        options = vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=order["model"]),
            running_mode=vision.RunningMode.IMAGE if still else vision.RunningMode.VIDEO,
            num_poses=1,
            min_pose_detection_confidence=order["detection"],
            min_pose_presence_confidence=order["tracking"],
            min_tracking_confidence=order["tracking"],
            output_segmentation_masks=not still,
        )
        try:
            self._pose = vision.PoseLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            fail(f"{order['model']}: MediaPipe cannot use this bundle ({error})")
        self._pose.__enter__()

    def __call__(self, image):
        picture = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=np.ascontiguousarray(image))
        if self._still:
            found = self._pose.detect(picture)
        else:
            # times must grow, whatever the rate
            self._time = max(self._time + 1, round(self._count * self._step))
            self._count += 1
            found = self._pose.detect_for_video(picture, self._time)
        if not found.pose_landmarks:
            return None
        mask = found.segmentation_masks[0].numpy_view()[..., 0] if found.segmentation_masks else None
        return rows(found.pose_landmarks[0]), rows(found.pose_world_landmarks[0]), mask

    def close(self):
        self._pose.__exit__(None, None, None)


def rows(landmarks):
    return np.array([[p.x, p.y, p.z, p.visibility] for p in landmarks], np.float32)


def finder(still):
    return (Tasks if job()["backend"] == "tasks" else Solutions)(job(), still)


def box_of(points):
    """x0 y0 x1 y1 of the landmarks that are seen and lie in the image; None where they are too few."""
    seen = points[(points[:, 3] > SEEN) & (points[:, :2] > 0).all(1) & (points[:, :2] < 1).all(1)]
    return None if len(seen) < LEAST else np.concatenate([seen[:, :2].min(0), seen[:, :2].max(0)])


def part(box, margin, shape):
    """Slices of the image within ``margin`` (in heights of the box) of the box."""
    height, width = shape[:2]
    reach = margin * (box[3] - box[1]) * height
    x0, x1 = box[0] * width - reach, box[2] * width + reach
    y0, y1 = box[1] * height - reach, box[3] * height + reach
    return slice(max(0, int(y0)), max(0, int(y1) + 1)), slice(max(0, int(x0)), max(0, int(x1) + 1))


def survey():
    """Whoever is found is blanked out, and the image is looked at again: MediaPipe sees one person at a time."""
    find = finder(still=True)
    index, boxes, scores = [], [], []
    for i, image in enumerate(frames()):
        for _ in range(job()["most"]):
            found = find(image)
            box = None if found is None else box_of(found[0])
            if box is None:
                break
            index.append(i)
            boxes.append(box)
            scores.append(found[0][:, 3].mean())
            image[part(box, BLANK, image.shape)] = GREY
        progress(i + 1)
    find.close()
    save(index=np.array(index, np.int64), boxes=np.reshape(boxes, (-1, 4)), scores=np.array(scores), **versions())


def track():
    """Each chunk has a tracker of its own, which sees some frames before it: no chunk depends on another run's."""
    chunks = [Chunk(*row) for row in job()["chunks"]]
    for i, image in enumerate(frames()):
        for chunk in chunks:
            if chunk.warm <= i < chunk.end:
                chunk.see(i, image)
        progress(i + 1)
    save()


class Chunk:
    """Frames ``start`` to ``end`` of the stream, and the trackers' run-up from ``warm`` on."""

    def __init__(self, warm, start, end, path):
        self.warm, self.start, self.end, self._path = warm, start, end, path
        self._find, self._last, self._rows = None, None, []

    def see(self, i, image):
        if self._find is None:
            self._find = finder(still=False)
        plan = job()["windows"][i] if job()["windows"] else None
        found = self._find(image if plan is None else window(image, np.array(plan), self._last))
        self._last = None if found is None else box_of(found[0])
        if i >= self.start:
            self._rows.append(row(found, image.shape))
        if i + 1 == self.end:
            self._find.close()
            names = ("points", "world", "found", "masks")
            columns = {name: np.stack([row[k] for row in self._rows]) for k, name in enumerate(names)}
            save_as(self._path, **columns, **versions())
            self._find, self._rows = None, []


def window(image, plan, last):
    """The image with all but the surroundings of the person greyed out, so that the tracker cannot leave for another.

    It goes where the person was last seen, unless that is too far from where the survey expects them.
    """
    here = plan
    if last is not None:
        aspect = np.array([image.shape[1] / image.shape[0], 1.0])
        off = np.linalg.norm(((last[:2] + last[2:]) - (plan[:2] + plan[2:])) / 2 * aspect)
        if off <= 1.5 * (plan[3] - plan[1]):
            half = np.maximum(plan[2:] - plan[:2], last[2:] - last[:2]) / 2
            centre = (last[:2] + last[2:]) / 2
            here = np.concatenate([centre - half, centre + half])
    out = np.full_like(image, GREY)
    inside = part(here, WINDOW, image.shape)
    out[inside] = image[inside]
    return out


def row(found, shape):
    longest = job()["mask"]
    height, width = (max(1, round(side * min(1.0, longest / max(shape[:2])))) for side in shape[:2])
    mask = np.zeros((height, width), bool)
    if found is None:
        return np.zeros((33, 4), np.float32), np.zeros((33, 4), np.float32), False, mask
    if found[2] is not None:
        y = ((np.arange(height) + 0.5) * found[2].shape[0] / height).astype(int)
        x = ((np.arange(width) + 0.5) * found[2].shape[1] / width).astype(int)
        mask = found[2][y][:, x] > SURE
    return found[0], found[1], True, mask


def versions():
    import platform

    import mediapipe

    return {"version": mediapipe.__version__, "python": platform.python_version()}


{"survey": survey, "track": track}[job()["mode"]]()
