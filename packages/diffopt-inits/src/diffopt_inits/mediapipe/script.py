"""Runs in MediaPipe's environment: detects people in single images, or tracks one person through a video.

Job: ``mode`` ``survey`` (boxes of all people in each image) or ``track`` (landmarks and masks by chunks, each written
to its own file as soon as it is done). Coordinates are shares of the image's width and height.
"""

from __future__ import annotations

import os
import shutil

import numpy as np
from diffopt_frames import fail, frames, job, progress, save, save_as

#: Least visibility of a landmark, and least number of visible landmarks of a person.
SEEN, LEAST = 0.5, 8
#: Margins around a person, in heights: of the area that is blanked out after detection, and of the tracking window.
BLANK, WINDOW = 0.08, 0.6
GREY = 127
#: Least score of the segmentation mask.
SURE = 0.3


class Solutions:
    """MediaPipe 0.10: detector and full model are in its package."""

    def __init__(self, order, still):
        import mediapipe as mp

        put_model(os.path.join(os.path.dirname(mp.__file__), "modules", "pose_landmark"), order)
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


def put_model(folder, order):
    """Put the model into the one folder in which MediaPipe looks for it, unless it is there (its own downloader does
    the same)."""
    kind = ("lite", "full", "heavy")[order["complexity"]]
    place = os.path.join(folder, f"pose_landmark_{kind}.tflite")
    if kind == "full" or os.path.exists(place):
        return
    if order["model"] is None:
        advice = "`diffopt weights get pose-landmarker-heavy`" if kind == "heavy" else "complexity 1 or 2"
        fail(f"detector mediapipe: the {kind} model is not in MediaPipe's package: {advice}, or put it at {place}")
    part = f"{place}.{os.getpid()}.part"
    try:
        shutil.copyfile(order["model"], part)
        os.replace(part, place)
    except OSError as error:
        fail(f"{place}: cannot be written ({error.strerror}); copy {order['model']} there, or use --env uv")


class Tasks:
    """MediaPipe's Tasks API: the models are in a bundle."""

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
            # time stamps must increase; their rate does not matter
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
    """Box x0 y0 x1 y1 of the visible landmarks in the image; None if there are too few."""
    seen = points[(points[:, 3] > SEEN) & (points[:, :2] > 0).all(1) & (points[:, :2] < 1).all(1)]
    return None if len(seen) < LEAST else np.concatenate([seen[:, :2].min(0), seen[:, :2].max(0)])


def inside(box, margin):
    """Slices of the image within ``margin`` (in heights of the box) of a box in px."""
    reach = margin * (box[3] - box[1])
    x0, y0, x1, y1 = (int(max(0, value)) for value in (*(box[:2] - reach), *(box[2:] + reach + 1)))
    return slice(y0, y1), slice(x0, x1)


def survey():
    """MediaPipe finds one person at a time, and no small people in large images. So each person found is blanked out
    and the image is processed again, whole and then in overlapping squares. Detections that are not confirmed in a crop
    are dropped."""
    find = finder(still=True)
    index, boxes = [], []
    for i, image in enumerate(frames()):
        height, width = image.shape[:2]
        for box in people(find, image):
            index.append(i)
            boxes.append(box / [width, height, width, height])
        progress(i + 1)
    find.close()
    save(index=np.array(index, np.int64), boxes=np.reshape(boxes, (-1, 4)), **versions())


def people(find, image):
    """Boxes, px, of at most ``most`` people, who are blanked out in ``image``."""
    found: list = []
    for square in [(0, 0, image.shape[1], image.shape[0]), *squares(image.shape)]:
        for _ in range(job()["most"] - len(found)):
            first = seen_in(find, image, square)
            if first is None or cut_off(first, square, image.shape):
                break  # a person cut off by one square is complete in the next one
            close = around(first, image.shape)
            box = seen_in(find, image, close)
            for area in (first, box):
                if area is not None:
                    image[inside(area, BLANK)] = GREY
            if box is not None and not any(same(box, other) for other in found):
                found.append(box)
    return found


def squares(shape):
    """Squares of the image's shorter side, overlapping by half; none for a square image."""
    side, long = min(shape[:2]), max(shape[:2])
    if long == side:
        return []
    starts = np.linspace(0, long - side, int(np.ceil(2 * (long - side) / side)) + 1).astype(int)
    wide = shape[1] > shape[0]
    return [(a, 0, a + side, side) if wide else (0, a, side, a + side) for a in starts]


def seen_in(find, image, area):
    """The box, px of the image, of the person in a part of it."""
    x0, y0, x1, y1 = area
    found = find(np.ascontiguousarray(image[y0:y1, x0:x1]))
    box = None if found is None else box_of(found[0])
    return None if box is None else box * [x1 - x0, y1 - y0, x1 - x0, y1 - y0] + [x0, y0, x0, y0]


def around(box, shape):
    """A square around a box, px, large enough for a person of whom only the trunk was found."""
    half = max(1.25 * max(box[2:] - box[:2]), 0.25 * min(shape[:2]))
    x, y = (box[:2] + box[2:]) / 2
    return max(0, int(x - half)), max(0, int(y - half)), min(shape[1], int(x + half)), min(shape[0], int(y + half))


def cut_off(box, area, shape):
    """Whether a box touches a border of the area that is not a border of the image."""
    near = 0.02 * (area[3] - area[1])
    low = [box[k] - area[k] < near and area[k] > 0 for k in (0, 1)]
    high = [area[k + 2] - box[k + 2] < near and area[k + 2] < shape[1 - k] for k in (0, 1)]
    return any(low + high)


def same(a, b):
    """Whether one of two boxes is mostly inside the other."""
    both = (np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).clip(0).prod()
    return both > 0.5 * min((a[2:] - a[:2]).prod(), (b[2:] - b[:2]).prod())


def track():
    """Track all chunks. Each has its own tracker with some warm-up frames, so chunks are independent of each other."""
    chunks = [Chunk(*row) for row in job()["chunks"]]
    for i, image in enumerate(frames()):
        for chunk in chunks:
            if chunk.warm <= i < chunk.end:
                chunk.see(i, image)
        progress(i + 1)
    save()


class Chunk:
    """Frames ``start`` to ``end`` of the stream, with the tracker's warm-up from ``warm`` on. ``region``: the fixed
    part of the image (shares) that MediaPipe processes, for small people."""

    def __init__(self, warm, start, end, path, region):
        self.warm, self.start, self.end, self._path = warm, start, end, path
        self._region = np.array(region or [0.0, 0.0, 1.0, 1.0])
        self._find, self._last, self._rows = None, None, []

    def see(self, i, image):
        if self._find is None:
            self._find = finder(still=False)
        height, width = image.shape[:2]
        plan = job()["windows"][i] if job()["windows"] else None
        if plan is not None:
            size = np.array([width, height, width, height])
            own, others = np.array(plan[0]) * size, np.reshape(plan[1], (-1, 4)) * size
            image = window(image, own, self._last, others)
        x0, y0, x1, y1 = np.round(self._region * [width, height, width, height]).astype(int)
        found = self._find(np.ascontiguousarray(image[y0:y1, x0:x1]))
        mask = np.zeros((height, width), np.float32)
        points = np.zeros((33, 4), np.float32)
        if found is not None:
            points = found[0] * [(x1 - x0) / width, (y1 - y0) / height, (x1 - x0) / width, 1.0]
            points += [x0 / width, y0 / height, 0.0, 0.0]
            if found[2] is not None:
                mask[y0:y1, x0:x1] = found[2]
        box = None if found is None else box_of(points)
        self._last = None if box is None else box * [width, height, width, height]
        if i >= self.start:
            world = np.zeros((33, 4), np.float32) if found is None else found[1]
            self._rows.append((points.astype(np.float32), world, found is not None, reduced(mask)))
        if i + 1 == self.end:
            self._find.close()
            names = ("points", "world", "found", "masks")
            columns = {name: np.stack([row[k] for row in self._rows]) for k, name in enumerate(names)}
            save_as(self._path, **columns, **versions())
            self._find, self._rows = None, []


def window(image, plan, last, others):
    """The image with everything outside the person's surroundings greyed out, and the others in them as far as they are
    beside the person, so that the tracker cannot switch to another person.

    It follows the last detection, unless that is too far from the expected position by the survey. Boxes in px.
    """
    here = plan
    if last is not None:
        off = np.linalg.norm((last[:2] + last[2:] - plan[:2] - plan[2:]) / 2)
        nearer = len(others) and np.abs(others - last).sum(1).min() < np.abs(plan - last).sum()
        if off <= 1.5 * (plan[3] - plan[1]) and not nearer:
            half = np.maximum(plan[2:] - plan[:2], last[2:] - last[:2]) / 2
            centre = (last[:2] + last[2:]) / 2
            here = np.concatenate([centre - half, centre + half])
    out = np.full_like(image, GREY)
    area, body = inside(here, WINDOW), inside(here, BLANK)
    out[area] = image[area]
    for other in others:
        out[inside(other, 0.0)] = GREY
    out[body] = image[body]
    return out


def reduced(mask):
    """The segmentation mask at the stored size."""
    longest = job()["mask"]
    height, width = (max(1, round(side * min(1.0, longest / max(mask.shape)))) for side in mask.shape)
    y = ((np.arange(height) + 0.5) * mask.shape[0] / height).astype(int)
    x = ((np.arange(width) + 0.5) * mask.shape[1] / width).astype(int)
    return mask[y][:, x] > SURE


def versions():
    import platform

    import mediapipe

    return {"version": mediapipe.__version__, "python": platform.python_version()}


{"survey": survey, "track": track}[job()["mode"]]()
