"""The report as a file: what is in it, how large it is, what it refuses, and that it appears whole."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import matplotlib.text
import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import yaw_to_matrix
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.results.saved import figure_of
from diffopt_core.types import HumanMotion, Result, Spread
from diffopt_lab.picture import draw_result
from diffopt_lab.report import Page, write_report
from diffopt_lab.report.curves import charts_of
from diffopt_lab.report.page import SCRIPTS, filled
from diffopt_lab.report.scene import MISSING, Blob
from diffopt_lab.report.tracks import stage_of
from hypothesis import given
from hypothesis import strategies as st
from report_cases import walk

ASSETS = Path(__file__).parents[2] / "plugins/diffopt-lab/src/diffopt_lab/report/page"


@pytest.fixture(scope="module")
def result() -> Result:
    return walk()


@pytest.fixture(scope="module")
def html(result) -> str:
    return Page(result).html


def data_of(html: str) -> tuple[dict, bytes]:
    data = re.search(r'id="data">(.*?)</script>', html, re.DOTALL)
    blob = re.search(r'id="blob">(.*?)</script>', html, re.DOTALL)
    assert data and blob
    return json.loads(data[1]), base64.b64decode(blob[1])


def array(blob: bytes, ref: dict) -> np.ndarray:
    raw = np.frombuffer(blob, f"<{ref['t']}", ref["n"], ref["o"])
    return np.where(raw == MISSING, np.nan, raw * ref["s"]) if "s" in ref else raw


def test_one_file_that_fetches_nothing(html):
    own = html.replace("http://www.w3.org/2000/svg", "")
    assert "http:" not in own and "https:" not in own, "an address is something to fetch"
    assert not re.search(r"""(src|href)=["'](?!data:)""", own)
    assert "default-src 'none'" in html and len(html) < 1_000_000


def test_everything_is_said(html):
    for words in ("finished", "24 frames", "rigid_clip", "300 →", "window 60", "for &lt;research&gt; only", "seed",
                  "motion.*", "−67", "camera"):  # fmt: skip
        assert words in html, words
    kinds = [chart["title"] for chart in data_of(html)[0]["charts"]]
    assert kinds == ["From above", "Error", "Error by joint", "Feet on the ground", "Speed", "Reprojection", "Camera",
                     "Losses"]  # fmt: skip


def test_what_is_not_trusted_is_said_beside_the_status(result, html):
    doubted = Page(replace(result, clip=replace(result.clip, doubts=("the trunk <lies>",)))).html
    assert "not trusted</span>" in doubted and "Not trusted:</b> the trunk &lt;lies&gt;" in doubted
    assert "not trusted" not in html


def test_what_was_said_stands_in_lines_at_the_top(result):
    """A doubt once, with its remedy; advice and notices after it; not as data among the sources."""
    facts = {"warnings": ["walk: the <trunk> lies; try --fps", "hint: get the larger model"]}
    page = Page(replace(result, clip=replace(result.clip, facts=facts, doubts=("the <trunk> lies",)))).html
    top, _, below = page.partition("<main>")
    assert "<b>Not trusted:</b> the &lt;trunk&gt; lies; try --fps</li><li>get the larger model</li>" in top
    assert "larger model" not in below and "&lt;trunk&gt;" not in below


def test_numbers_come_back(result, html):
    data, blob = data_of(html)
    track, truth = data["scene"]["tracks"][0], data["scene"]["truth"]
    joints = array(blob, track["about"]).reshape(-1, 24, 3) + array(blob, track["root"]).reshape(-1, 1, 3)
    assert np.abs(joints - result.joints.numpy()).max() < 1e-4
    assert array(blob, truth["root"]).shape == (72,)
    turns = array(blob, track["turns"]).reshape(-1, 24, 4)
    assert np.abs(np.linalg.norm(turns, axis=-1) - 1).max() < 1e-4


def test_skinning_of_the_player_is_that_of_the_body(result, html):
    """What the shader does, in NumPy, against the body's own vertices."""
    data, blob = data_of(html)
    surface, track = data["scene"]["surfaces"][0], data["scene"]["tracks"][0]
    rest = array(blob, surface["vertices"]).reshape(-1, 4)[:, :3]
    weights = array(blob, surface["weights"]).reshape(-1, 4) / 255
    index = array(blob, surface["joints"]).reshape(-1, 4)
    x, y, z, w = np.moveaxis(array(blob, track["turns"]).reshape(-1, 24, 4)[5], -1, 0)
    R = np.stack(
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w), 2 * (x * y + z * w),
         1 - 2 * (x * x + z * z), 2 * (y * z - x * w), 2 * (x * z - y * w), 2 * (y * z + x * w),
         1 - 2 * (x * x + y * y)], -1).reshape(24, 3, 3)  # fmt: skip
    moved = np.einsum("jab,vjb->vja", R, rest[:, None] - array(blob, track["rest"]).reshape(1, 24, 3))
    moved += result.joints[5].numpy()
    shown = (weights[..., None] * np.take_along_axis(moved, index[..., None].astype(int), 1)).sum(1)
    body = figure_of(result).mesh
    assert body is not None
    motion = result.motion
    own = body.vertices(HumanMotion(motion.pose[None, 5:6], motion.trans[None, 5:6], motion.betas[None], "anny24"))
    assert np.abs(shown - own[0, 0].numpy()).max() < 0.01, "four weights a vertex, a tenth of a millimetre a step"


@given(st.lists(st.one_of(st.floats(-3.2, 3.2), st.just(float("nan"))), min_size=1, max_size=30))
def test_steps_keep_numbers_and_gaps(values):
    blob = Blob()
    blob.add(np.arange(3), "u1")
    ref = blob.steps(np.array(values))
    again = array(base64.b64decode(blob.text()), ref)
    assert ref["o"] % 4 == 0
    assert np.allclose(again, values, atol=0.6e-4, equal_nan=True)


@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=20), min_size=3))
def test_filled_does_not_fill_what_was_filled_in(parts):
    assert filled("1 {{a}} 2 {{b}}{{c}}", parts) == f"1 {parts['a']} 2 {parts['b']}{parts['c']}"


def test_a_name_is_no_markup(result):
    named = replace(result, clip=replace(result.clip, name="</script><img src=x onerror=alert(1)>"))
    html = Page(named).html
    assert "<img src=x" not in html and html.count("</script>") == 3


def test_bones_where_the_body_has_no_mesh():
    html = Page(walk(body="stick")).html
    assert data_of(html)[0]["scene"]["surfaces"][0]["drawn"] is True


def test_without_truth_camera_and_losses(result):
    """A motion file from elsewhere: figures, speed and feet remain."""
    clip = replace(result.clip, truth=None, observations=None, size=(0, 0))
    alone = replace(
        result, clip=clip, log={}, recipe={}, provenance={}, metrics={}, initial=result.motion,
        initial_joints=result.joints,
    )  # fmt: skip
    data, _ = data_of(Page(alone).html)
    assert [chart["title"] for chart in data["charts"]] == ["From above", "Feet on the ground", "Speed"]
    assert data["scene"]["cameras"] == [] and len(data["scene"]["tracks"]) == 1


def test_band_where_there_were_several_solves(result):
    spread = Spread(8, torch.full((24,), 0.1), torch.full((24, 24), 0.02))
    blob = Blob()
    banded = replace(result, spread=spread)
    charts = charts_of(stage_of([banded], ["recovered"]), banded, blob)
    (band,) = [chart for chart in charts if chart["title"] == "90 % band"]
    assert np.allclose(array(base64.b64decode(blob.text()), band["series"][0]["values"]), 100)


def test_the_weight_of_the_prior_over_time_where_it_weighs_frames(result):
    frames = len(result.joints)
    weights = {"prior": [0.5] * (frames - 1) + [1.0]}
    told = replace(result, provenance=result.provenance | {"weights": weights})
    charts = data_of(Page(told).html)[0]["charts"]
    (chart,) = [chart for chart in charts if chart["title"] == "Weight of the prior"]
    assert [series["label"] for series in chart["series"]] == ["prior"]
    assert "Weight of the prior" not in [chart["title"] for chart in data_of(Page(result).html)[0]["charts"]]


@pytest.mark.parametrize("fps", [0.5, 240.0])
def test_slow_and_fast(result, fps):
    titles = [c["title"] for c in data_of(Page(replace(result, clip=replace(result.clip, fps=fps))).html)[0]["charts"]]
    assert ("Feet on the ground" in titles) is (fps > 8)


@pytest.mark.parametrize("truth", [True, False])
def test_several_results_are_laid_on_one_another(result, truth):
    """A result turned about the vertical and shifted is the first one again."""
    clip = result.clip if truth else replace(result.clip, truth=None)
    R, t = yaw_to_matrix(torch.tensor(2.0)), torch.tensor([3.0, 0.0, -1.0])
    pose = torch.cat([R @ result.motion.pose[:, :1], result.motion.pose[:, 1:]], 1)
    other = replace(
        result, clip=clip, joints=result.joints @ R.mT + t,
        motion=replace(result.motion, pose=pose, trans=result.motion.trans @ R.mT + t),
    )  # fmt: skip
    stage = stage_of([replace(result, clip=clip), other], ["a", "b"])
    assert [track.role for track in stage.tracks] == ["row", "row"]
    assert (stage.tracks[0].joints - stage.tracks[1].joints).abs().max() < 1e-4
    assert (stage.tracks[0].turns - stage.tracks[1].turns).abs().max() < 1e-3


def test_results_of_other_clips_are_refused(result):
    with pytest.raises(DiffOptError, match="has 12 frames at 30 fps, walk 24 at 30; results can only be compared"):
        _ = Page([result, walk(12)]).html
    with pytest.raises(DiffOptError, match="needs at least one result"):
        Page([])


@pytest.mark.parametrize("key", ["joints", "initial_joints"])
def test_what_is_not_finite_is_told_and_leaves_no_file(result, tmp_path, key):
    broken = getattr(result, key).clone()
    broken[7, 3, 1] = float("nan")
    with pytest.raises(BadInput, match=f"{key}: is not finite in frame 7"):
        write_report(replace(result, **{key: broken}), tmp_path / "report.html")
    with pytest.raises(BadInput, match="fps: is 0"):
        write_report(replace(result, clip=replace(result.clip, fps=0.0)), tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_unusable_folder(result, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiffOptError, match="file"):
        write_report(result, tmp_path / "file" / "report.html")


def test_a_full_disk_leaves_the_old_page(result, tmp_path, monkeypatch):
    import os

    path = write_report(result, tmp_path / "report.html")
    before = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DiffOptError, match="No space left"):
        write_report(result, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_quick_and_small():
    result = walk(100)
    began = time.perf_counter()
    html = Page(result).html
    seconds = time.perf_counter() - began
    assert len(html) < 1_500_000 and seconds < 3 * 3, f"{len(html)} bytes in {seconds:.1f} s"  # a busy machine: thrice


def test_a_result_shows_itself(result):
    """In a notebook: a frame that holds the whole page. The installed entry point is found by name."""
    from html import unescape

    shown = result._repr_html_()
    inner = re.search(r'srcdoc="(.*?)"', shown, re.DOTALL)
    assert inner and unescape(inner[1]) == Page(result).html


def test_assets_are_named_and_packed():
    named = {*SCRIPTS, "page.html", "style.css"}
    assert {path.name for path in ASSETS.iterdir()} == named


def guessed(result: Result) -> Result:
    """The same with a camera path without a metre, of a person whom nobody measured, by an assumed focal length."""
    facts = {"focal_from": "assumed 864 px (0.9 of the longer side, may be off by 30%)"}
    camera = replace(result.camera, unit="guess", travel="travels", facts=facts)
    return replace(result, clip=replace(result.clip, camera=camera, rest_joints=None))


def test_no_length_of_a_guessed_scale_without_its_mark(result, monkeypatch, tmp_path):
    """Report, its charts and the picture: each unit of length that is the result's own carries the mark."""
    shown = guessed(replace(result, metrics={"final": {"jitter": 3.0}, "truth": {"jitter": 4.0}}))
    html = Page(shown).html
    assert re.search(r"focal length</dt><dd>assumed 864 px", html) and "metre, guessed" in html
    head = html[: html.index("<main>")]
    units = re.findall(r"<small>([^<]*)</small>", head + html[html.index("<h2>Figures") : html.index("<h2>Settings")])
    assert len(units) > 5 and all("(guessed)" in unit for unit in units if re.match(r"m?m\b|10 m", unit)), units
    charts = data_of(html)[0]["charts"]
    own = [chart["unit"] for chart in charts if chart["title"] in ("From above", "Speed")]
    own += [row["unit"] for chart in charts for row in chart.get("rows", ()) if row["label"] == "height"]
    assert own == ["m (guessed)", "m/s (guessed)", "m (guessed)"]
    drawn = []
    monkeypatch.setattr("diffopt_lab.picture.result.save", lambda figure, path: drawn.append(figure) or Path(path))
    draw_result(replace(shown, clip=replace(shown.clip, truth=None)), tmp_path / "picture.png")
    words = [text.get_text() for text in drawn[0].findobj(matplotlib.text.Text)]
    lengths = [word for word in words if re.search(r"(, | )(m|m/s|× 10 m/s³)( |$)", word)]
    assert len(lengths) == 4 and all("(guessed)" in word for word in lengths), lengths
    plain = Page(replace(result, clip=replace(result.clip, camera=replace(result.camera, travel="travels")))).html
    assert "(guessed)" not in plain


def test_what_is_nearest_the_truth_is_marked(result):
    """Of two results the one that jitters less than the truth is not the better one."""
    smooth, close = (replace(result, metrics={"final": {"jitter": j}, "truth": {"jitter": 12.0}}) for j in (4.0, 11.0))
    html = Page([smooth, close], labels=["smooth", "close"]).html
    row = html[html.index("<th scope=row>jitter") :]
    cells = re.findall(r"<td>(.*?)</td>", row[: row.index("</tr>")])
    assert cells == ["4.00", "<b>11.0</b>", "12.0"]
