"""``diffopt view`` and ``diffopt run --view`` as a user types them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from diffopt_core.cli import main
from diffopt_core.cli import solving as watching
from diffopt_core.common.npz import read_npz
from diffopt_core.parts.demo_motion import demo_case
from exports_cases import exporter, walk
from viewer_cases import SIZE, filmed, make_video


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A result folder with its evidence, in an empty working directory, on a machine without a display."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return write(walk(12), tmp_path / "result")


@pytest.fixture
def demo(folder, tmp_path):
    """A case of twelve frames."""
    case, _ = demo_case(0)
    short = {key: value[:12] if np.ndim(value) and len(value) == 100 else value for key, value in case.items()}
    np.savez(tmp_path / "demo.npz", **short)
    return tmp_path / "demo.npz"


def write(result, folder):
    folder.mkdir()
    for name in ("npz", "evidence"):
        exporter(name).export(result, folder)
    (folder / "run.json").write_text(json.dumps({"diffopt_run": 1, "clip": "walk", "status": "finished"}))
    return folder


def run(capsys, *args):
    capsys.readouterr()
    status = main([str(arg) for arg in args])
    streams = capsys.readouterr()
    return status, streams.out, streams.err


def error_of(capsys, *args) -> str:
    status, _, err = run(capsys, *args)
    assert status == 2 and "Traceback" not in err
    (line,) = [line for line in err.splitlines() if line.startswith("error:")]
    return line


@contextmanager
def serving(*args):
    """The command in a process of its own."""
    start = "import sys; from diffopt_core.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", start, *map(str, args)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_hears_interrupts
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _hears_interrupts() -> None:
    """As from a terminal: a suite that was started in the background hands on that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def document(process) -> dict:
    """The JSON document that it prints while it goes on."""
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            return json.loads(text)
    raise AssertionError(f"ended without a document: {process.stderr.read()}")


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


@pytest.mark.slow
def test_serves_until_ctrl_c(folder):
    port = free_port()
    with serving("view", folder, "--json", "--port", port) as process:
        told = document(process)
        assert told == {"url": f"http://localhost:{port}", "results": ["walk"]}
        with urllib.request.urlopen(told["url"], timeout=120) as page:
            assert page.status == 200 and b"<html" in page.read().lower()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=240)
        assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.slow
def test_a_solve_is_shown_and_stays(folder, tmp_path, demo):
    quick = ["--prior", "none", "--repr", "raw", "--no-picture", "--set", "stage.warmup.all.steps=3"]
    quick += ["--set", "stage.guide.rounds=2", "--set", "stage.finetune.all.steps=3"]
    with serving("run", demo, *quick, "--view", "--out", "shown") as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "Ctrl-C ends" in line:
                break
        url = lines[-1].split("shown at ")[1].split(";")[0]
        with urllib.request.urlopen(url, timeout=120) as page:
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=240)
        assert process.returncode == 0, "".join(lines)
    quietly = [*quick, "--out", "alone", "-q"]
    assert main(["run", str(demo), *quietly]) == 0
    one, other = (read_npz(tmp_path / name / "motion.npz") for name in ("shown", "alone"))
    assert all(np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.slow
def test_no_wait_ends_with_the_run(folder, tmp_path, demo, capsys):
    quick = ["--prior", "none", "--repr", "raw", "--no-picture", "--set", "stage.warmup.all.steps=3"]
    quick += ["--set", "stage.guide.rounds=2", "--set", "stage.finetune.all.steps=3"]
    for _ in range(2):  # the second time the result is there already, and is shown
        status, _, err = run(capsys, "run", demo, *quick, "--view", "--no-wait")
        assert status == 0 and "the solve is shown at http://localhost:" in err, err


def test_without_the_plugin_the_way_to_it_is_told(folder, tmp_path, capsys, demo):
    said = error_of(capsys, "run", demo, "--view", "-p", "no:viewer")
    assert f"pip install {watching.PACKAGE}" in said
    assert "unknown viewer 'vise'" in error_of(capsys, "run", demo, "--viewer", "vise")
    assert not (tmp_path / "runs").exists()


def test_a_port_that_is_taken(folder, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"port {port} of 127.0.0.1 is in use" in error_of(capsys, "view", folder, "--port", port)


def test_a_host_that_is_not_here(folder, capsys):
    assert "cannot listen on host '192.0.2.1'" in error_of(capsys, "view", folder, "--host", "192.0.2.1")
    assert "cannot listen on host 'no such host'" in error_of(capsys, "view", folder, "--host", "no such host")


def test_what_is_no_result(folder, tmp_path, capsys):
    assert "nowhere: file: does not exist" in error_of(capsys, "view", tmp_path / "nowhere")
    (folder / "run.json").write_text(json.dumps({"diffopt_run": 99}))
    assert "diffopt_run: is version 99" in error_of(capsys, "view", folder)


def test_one_page_for_others(folder, tmp_path, capsys):
    status, out, _ = run(capsys, "view", folder, folder, "--html", "page/walk.html", "--json")
    told = json.loads(out)
    page = (tmp_path / "page" / "walk.html").read_text()
    assert status == 0 and told["bytes"] == len(page.encode()) < 4_000_000
    assert "__VISER_EMBED_DATA__" in page and os.listdir(tmp_path / "page") == ["walk.html"]
    assert "is a folder" in error_of(capsys, "view", folder, "--html", tmp_path)
    blocked = tmp_path / "file"
    blocked.touch()
    assert "cannot be written" in error_of(capsys, "view", folder, "--html", blocked / "page.html")


@pytest.mark.slow
def test_images_of_a_video_and_a_notice_when_it_is_gone(folder, tmp_path, capsys):
    video = make_video(tmp_path / "walk.mp4", 12, noise=60.0)
    result = walk(12)
    assert result.clip.size != SIZE
    filmed_folder = write(filmed(replace(result), video), tmp_path / "filmed")
    status, _, err = run(capsys, "view", filmed_folder, "--html", "with.html")
    assert status == 0 and err == ""
    video.path.unlink()
    status, _, err = run(capsys, "view", filmed_folder, "--html", "without.html")
    assert status == 0 and "walk.mp4" in err and err.startswith("notice:")
    with_images, without = ((tmp_path / name).stat().st_size for name in ("with.html", "without.html"))
    assert without + 10_000 < with_images


@pytest.mark.slow
def test_help_needs_no_viser():
    code = "import sys\nfrom diffopt_core.cli import main\nmain(['view', '--help'])\nassert 'viser' not in sys.modules"
    code += "\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "--html" in done.stdout, done.stderr
