"""Videos, GIFs, stills and folders: whole, of the right length, size and rate, or not there at all."""

from __future__ import annotations

import errno
import resource
import signal

import av
import numpy as np
import pytest
from diffopt_core.errors import DiffOptError, MissingResource
from diffopt_render import files
from diffopt_render.files import Target, write_folder, write_gif, write_mp4, write_png
from PIL import Image
from render_cases import film_of


def images(count=9, size=(64, 48), fail=None):
    """A red square on grey that moves to the right."""
    for number in range(count):
        if fail is not None and number == count // 2:
            raise fail
        image = np.full((size[1], size[0], 3), 120, np.uint8)
        image[8:24, 4 * number : 4 * number + 16] = (200, 40, 40)
        yield image


@pytest.mark.parametrize("fps", [0.5, 24000 / 1001, 29.97, 30.0, 240.0])
def test_a_video_has_its_frames_size_rate_and_colours(tmp_path, fps):
    told = write_mp4(images(), tmp_path / "a.mp4", fps, 10)
    frames, rate = film_of(tmp_path / "a.mp4")
    assert len(frames) == 9 == told["frames"] and rate == pytest.approx(fps, rel=1e-3)
    assert told["size"] == [64, 48] and frames[0].shape == (48, 64, 3)
    for number in (0, 4, 8):
        square = frames[number][12:20, 4 * number + 4 : 4 * number + 12].mean((0, 1))
        assert np.abs(square - (200, 40, 40)).max() < 12, square
        assert np.abs(frames[number][40, 60] - 120.0).max() < 6
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"


def test_odd_sizes_are_filled_up_and_told(tmp_path, caplog):
    told = write_mp4(images(size=(63, 47)), tmp_path / "a.mp4", 30, 10)
    frames, _ = film_of(tmp_path / "a.mp4")
    assert told["size"] == [64, 48] and frames[0].shape == (48, 64, 3)
    assert len(caplog.messages) == 1 and "63 x 47 became 64 x 48" in caplog.text
    assert np.abs(frames[0][:, 63].astype(int) - frames[0][:, 62]).max() < 12


def test_a_gif_has_its_frames_and_colours(tmp_path):
    write_gif(images(), tmp_path / "a.gif", 25)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 9 and gif.size == (64, 48)
        assert gif.info["duration"] == 40
        gif.seek(4)
        assert np.abs(np.asarray(gif.convert("RGB"))[14, 24] - np.array([200.0, 40, 40])).max() < 12


def test_a_still_and_a_folder(tmp_path):
    write_png(next(images()), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert np.asarray(image)[14, 8].tolist() == [200, 40, 40]
    told = write_folder(images(3), tmp_path / "frames", 30)
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == [f"frame_00000{i}.png" for i in range(3)]
    assert told["frames"] == 3
    with pytest.raises(DiffOptError, match="not an empty folder"):
        write_folder(images(3), tmp_path / "frames", 30)


WRITERS = [
    lambda source, path: write_mp4(source, path, 30, 18),
    lambda source, path: write_gif(source, path, 30),
    lambda source, path: write_folder(source, path, 30),
]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), DiffOptError("gone"), OSError(errno.EIO, "broken")])
def test_what_fails_half_way_leaves_nothing_and_touches_nothing(tmp_path, write, error):
    kept = tmp_path / "kept" / "x.mp4"
    kept.parent.mkdir()
    if write is not WRITERS[2]:
        kept.write_bytes(b"an older film")
    with pytest.raises((KeyboardInterrupt, DiffOptError)):
        write(images(fail=error), kept)
    assert [path.name for path in kept.parent.iterdir()] == (["x.mp4"] if write is not WRITERS[2] else [])
    assert write is WRITERS[2] or kept.read_bytes() == b"an older film"


@pytest.mark.parametrize("write", WRITERS[:2])
def test_a_full_disk_is_one_line_and_no_half_file(tmp_path, write):
    """The system's limit on the size of a file stands for the disk's end: the write fails in the same way."""
    noise = (np.random.default_rng(i).integers(0, 255, (240, 320, 3), np.uint8) for i in range(8))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        with pytest.raises(DiffOptError, match=r"cannot write x\.mp4"):
            write(noise, tmp_path / "x.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert not list(tmp_path.iterdir())


def test_without_an_h264_encoder_it_is_mpeg4_and_told(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(files, "_H264", ())
    assert write_mp4(images(), tmp_path / "a.mp4", 30, 18)["encoder"] == "mpeg4"
    assert "no H.264 encoder" in caplog.text and len(film_of(tmp_path / "a.mp4")[0]) == 9
    monkeypatch.setattr(files, "_OLD", "no_such_encoder")
    with pytest.raises(MissingResource, match=r"--out x\.gif"):
        write_mp4(images(), tmp_path / "b.mp4", 30, 18)


def test_targets(tmp_path):
    forms = {name: Target.of(tmp_path / name).form for name in ("a.mp4", "a.GIF", "a.png", "frames")}
    assert list(forms.values()) == ["mp4", "gif", "png", "folder"]
    with pytest.raises(DiffOptError, match=r"'\.avi' is not supported; expected \.mp4"):
        Target.of(tmp_path / "a.avi")
    (tmp_path / "file").write_text("")
    with pytest.raises(DiffOptError, match="is a file, not a folder"):
        Target.of(tmp_path / "file" / "a.mp4")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(DiffOptError, match="not an empty folder"):
        Target.of(tmp_path / "full")
