"""What is named in place of a file, and how it is said."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from diffopt_core.common import console
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.data.window import cut
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.host.choice import Choice
from diffopt_core.host.recipe import parse
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import make_clip
from diffopt_core.perception.cache import step_key
from diffopt_core.perception.perceive import open_clip
from diffopt_formats.fields import read_text


def archive(kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as held:
            held.writestr("wham.pkl", b"\x80\x04N.")
    else:
        with tarfile.open(fileobj=out, mode="w:gz") as held:
            held.addfile(tarfile.TarInfo("wham.pkl"))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"), (b"<html>sign in</html>", "web page"), (b"version https://git-lfs.github.com", "Git LFS"),
        (b"\x89PNG\r\n", "PNG image"), (b"\0\0\0\x18ftypmp42", "video"), (b"%PDF-1.4", "PDF"),
        (archive("zip"), "wham.pkl: unpack it"), (archive("tar"), "tar archive: unpack it"),
    ],
    ids=["empty", "page", "lfs", "png", "mp4", "pdf", "zip", "tar"],
)  # fmt: skip
def test_other_files_are_called_what_they_are(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(BadInput, match=rf"a\.pkl: .*{word}"):
        read_foreign(tmp_path / "a.pkl")
    if b"ftyp" in content or b"<" in content:
        with pytest.raises(BadInput, match=word):
            read_text(tmp_path / "a.pkl")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(BadInput, match="is a pipe, a socket or a device"):
        open_clip(tmp_path / "a.npz", parse({}), Registry.load().context())


def test_a_folder_of_everything_is_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diffopt_core.perception.cache._MOST", 3)
    for name in "abcde":
        (tmp_path / name).touch()
    with pytest.raises(BadInput, match="no result of one clip"):
        step_key("", "camera droid", "", {"file": tmp_path})


@pytest.mark.parametrize("said", ["wham=", "=a.pkl", " = "])
def test_half_a_name_is_none(said: str) -> None:
    with pytest.raises(DiffOptError, match="expected NAME, or NAME=FILE"):
        Choice(roles=(("initializer", said),)).resolve(Registry.load())


def test_frames_beyond_the_end_are_said(caplog: pytest.LogCaptureFixture) -> None:
    assert cut(make_clip(12), 2, 90, None).num_frames == 10 and "ends with frame 11" in caplog.text


def test_what_files_say_is_neither_markup_nor_emoji_nor_control(capsys: pytest.CaptureFixture[str]) -> None:
    console.fail("--frames a:b: \\[bold]x[/bold]")
    console.note("track '\x1b[2J:smile:' [red]left[/]")
    told = capsys.readouterr().err
    assert "--frames a:b: \\[bold]x[/bold]" in told and "track ' [2J:smile:' [red]left[/]" in told
