"""What is drawn lies where it should: over the video, in the world, on the ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.errors import DiffOptError
from diffopt_core.types import Truth
from diffopt_render.asked import at_rate, span
from diffopt_render.film import eyes_of, show
from diffopt_render.ground import Floor, camera_above, still_camera
from diffopt_render.light import lit, normals_of
from diffopt_render.marks import Ribbon
from diffopt_render.panels import Inset
from diffopt_render.take import Mannequin, take_of
from diffopt_render.views import OverlayPanel, RoomPanel
from hypothesis import given, settings
from hypothesis import strategies as st
from render_cases import FRAMES, SIZE, bare, drawer, filmed, small, walk


def pixels(points, camera):
    seen = world_to_camera(points, camera.R, camera.t)
    return project(seen, camera.focal, camera.centre).numpy(), seen[..., 2].numpy()


def blue(image):
    """Where the body is: nothing else is blue."""
    return image[..., 2].astype(int) - image[..., 0] > 20


@pytest.mark.parametrize("make", [walk, bare])
def test_the_silhouette_over_the_video_is_where_the_joints_are(tmp_path, make):
    result = filmed(tmp_path, small(make))
    take = take_of(result)
    for frame, image in zip((0, FRAMES - 1), OverlayPanel(take, drawer(), SIZE).images([0, FRAMES - 1]), strict=True):
        body = blue(image)
        where, depth = pixels(result.joints, result.camera)
        at = np.floor(where[frame]).astype(int)
        inside = [body[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].any() for x, y in at]
        assert sum(inside) >= 23, "joints lie beside the body"
        reach = 0.3 / depth[frame].mean() * float(result.camera.focal[frame, 0])
        rows, columns = np.nonzero(body)
        assert (np.array([columns.min(), rows.min()]) > where[frame].min(0) - reach).all()
        assert (np.array([columns.max(), rows.max()]) < where[frame].max(0) + reach).all()
        assert abs(image[5, 5].astype(int) - 90).max() < 4, "the video is not what is behind the body"


def test_overlay_in_a_panel_of_another_shape_keeps_the_body_on_the_person():
    result = small()
    panel = OverlayPanel(take_of(replace(result, clip=replace(result.clip, observations=None))), drawer(), (500, 240))
    (image,) = panel.images([3])
    assert image.shape == (240, 500, 3)
    where, _ = pixels(result.joints, result.camera)
    scale, left = 240 / SIZE[1], (500 - 135) // 2
    rows, columns = np.nonzero(blue(image))
    centre = where[3].mean(0) * scale + [left, 0]
    assert abs(columns.mean() - centre[0]) < 4 and abs(rows.mean() - centre[1]) < 8
    assert not image[:, 0].any() or image[:, 0].max() < 30


def test_without_a_video_the_keypoints_are_shown():
    result = small()
    take = take_of(result)
    with_points, without = (
        next(iter(OverlayPanel(some, drawer(), SIZE).images([4]))) for some in (take, replace(take, keypoints=None))
    )
    seen = result.clip.observations.keypoints[4]
    x, y = seen[seen[:, 2] > 0.5][0, :2].floor().int().tolist()
    changed = (with_points != without).any(-1)
    assert changed[y, x] and 0 < changed.mean() < 0.2


def test_a_motion_without_a_camera_has_no_overlay():
    with pytest.raises(DiffOptError, match="--view world"):
        OverlayPanel(replace(take_of(small()), camera=None), drawer(), SIZE)


paths = st.lists(st.tuples(*2 * [st.floats(-20, 20)]), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(paths, st.sampled_from([(1280, 720), (300, 900), (64, 64)]), st.sampled_from([still_camera, camera_above]))
def test_the_still_camera_sees_the_whole_way_and_no_more_than_it_must(path, size, make):
    body = walk(12).joints[0].numpy()
    body = body - body[0] * (1.0, 0.0, 1.0)
    joints = np.stack([body + np.array([x, 0.0, z]) for x, z in path])
    camera = make(joints, size)
    where, depth = pixels(torch.from_numpy(joints).float().reshape(-1, 3), camera)
    assert (depth > 0).all() and (where >= 0).all() and (where <= size).all()
    share = (where.max(0) - where.min(0)) / size
    assert share.max() > 0.4, "the camera stands too far away"
    assert torch.allclose(camera.R @ camera.R.T, torch.eye(3), atol=1e-5) and torch.linalg.det(camera.R) > 0


def test_the_path_grows_with_the_frames_and_ends_at_the_body():
    ribbon = Ribbon.along(
        np.stack([np.linspace(0, 2, 50), 0 * np.ones(50) + 1, np.zeros(50)], -1), 0.03, (0.0, 0.0, 1.0), 0.01
    )
    areas = []
    for frame in (0, 10, 49):
        mesh = ribbon.mesh(frame)
        areas.append(float(mesh.vertices[:, 0].max()))
        assert (mesh.vertices[:, 1] > 0).all() and int(mesh.faces.max()) < len(mesh.vertices)
    assert areas[0] < areas[1] < areas[2] and abs(areas[2] - 2) < 0.1


def test_a_path_with_holes_or_without_any_place():
    places = np.full((6, 3), np.nan)
    assert Ribbon.along(places, 0.03, (0.0, 0.0, 1.0), 0.01).mesh(5) is None
    places[2], places[4] = (0, 1, 0), (1, 1, 0)
    ribbon = Ribbon.along(places, 0.03, (0.0, 0.0, 1.0), 0.01)
    assert ribbon.mesh(1) is None and ribbon.mesh(3) is not None and ribbon.mesh(5).vertices.isfinite().all()


def test_the_ground_is_where_our_projection_says():
    result = small()
    camera = replace(result.camera, **{k: getattr(result.camera, k)[0] for k in ("R", "t", "focal", "centre")})
    where = Floor(camera, SIZE).where(slice(None), slice(None))
    row, column = SIZE[1] - 40, 100
    x, z = where[row, column]
    at, _ = pixels(torch.tensor([[float(x), 0.0, float(z)]]), camera)
    np.testing.assert_allclose(at[0], [column + 0.5, row + 0.5], atol=1e-2)
    assert np.isnan(where[0]).all(), "the sky is no ground"


def test_truth_of_another_place_is_moved_onto_the_result_and_shown():
    result = small()
    turn = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    true = result.joints @ turn.T + torch.tensor([3.0, 0, -2])
    take = take_of(replace(result, clip=replace(result.clip, truth=Truth(true))))
    torch.testing.assert_close(take.truth, result.joints, atol=1e-3, rtol=0)
    assert take_of(replace(result, clip=replace(result.clip, truth=Truth(true))), truth=False).truth is None
    shorter = replace(result, clip=replace(result.clip, truth=Truth(true[:-1])))
    assert take_of(shorter).truth is None


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("view", ["overlay", "world", "side", "figure"])
def test_views_have_the_size_they_are_asked_for(tmp_path, view, seen):
    take = take_of(filmed(tmp_path, small()) if seen else small())
    made = show(take, view, drawer(), (400, 200), "", eyes_of([take], [range(FRAMES)])[0])
    (image,) = made.panel().images([5])
    assert image.shape == (200, 400, 3)
    assert made.still(take, range(FRAMES), view).ndim == 3


def test_what_is_under_the_ground_is_hidden_in_the_world():
    result = small()
    sunk = replace(result, motion=replace(result.motion, trans=result.motion.trans - torch.tensor([0, 1.0, 0])),
                   joints=result.joints - torch.tensor([0, 1.0, 0]))  # fmt: skip
    camera = still_camera(result.joints.numpy(), (200, 200))
    bodies = [blue(next(iter(RoomPanel(take_of(r), drawer(), camera, (200, 200)).images([0])))) for r in (result, sunk)]
    assert bodies[1].sum() < 0.8 * bodies[0].sum()


def test_a_figure_without_mesh_has_round_limbs_and_leaves_out_what_is_not_known():
    joints = walk(12).joints.clone()
    joints[:, 20] = torch.nan
    figure = Mannequin(joints)
    vertices = figure.vertices(torch.tensor([0, 5]))
    assert vertices.isfinite().all() and int(figure.faces.max()) == vertices.shape[1] - 1
    whole = Mannequin(walk(12).joints).vertices(torch.tensor([0]))[0]
    normal = normals_of(whole[None], figure.faces)[0]
    assert ((normal * (whole - walk(12).joints[0].mean(0))).sum(-1) > 0).float().mean() > 0.6, "faces look inwards"


def test_light_comes_from_the_lamp():
    ball = Mannequin(walk(12).joints)
    vertices = ball.vertices(torch.tensor([0]))
    colours = lit(vertices, ball.faces, (0.5, 0.5, 0.5), torch.tensor([0.0, 1.0, 0]), torch.tensor([[0.0, 1.0, 9]]))
    up = normals_of(vertices, ball.faces)[..., 1]
    assert colours[up > 0.7].mean() > colours[up < -0.7].mean() + 0.2
    assert (colours >= 0).all() and (colours <= 1).all()


@given(st.integers(1, 400), st.floats(0.5, 240), st.floats(0.5, 240))
def test_frames_at_another_rate_take_the_same_time(count, own, fps):
    frames = at_rate(range(count), own, fps)
    assert frames == sorted(frames) and frames[0] >= 0 and frames[-1] < count
    assert len(frames) == max(1, round(count / own * fps))
    assert at_rate(range(count), own, own) == list(range(count))
    late = np.array(frames) / own - np.arange(len(frames)) / fps
    assert late.max() <= 0.51 / own


def test_spans_are_slices():
    assert span("2:5", 10, "x") == range(2, 5) and span(":-1", 10, "x") == range(9) and span(None, 3, "x") == range(3)
    for text in ("5", "a:b", "7:3", "20:"):
        with pytest.raises(DiffOptError, match="--frames"):
            span(text, 10, "x")


def test_an_inset_fits_and_scales_the_camera():
    inset = Inset.of((1920, 1088), (640, 480))
    assert inset.inner == (640, 363) and inset.corner == (0, 58)
    assert Inset.of((1080, 1920), (404, 720)).inner == (404, 720)
