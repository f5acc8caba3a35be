"""Scripts in another interpreter: arrays and frames through, failures told in one line, nothing left behind."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_core.perception.foreign import Needs

HEAD = "from diffopt_frames import count, fail, frames, job, progress, save, save_as\nimport sys, os\n"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def alive(pid: int) -> bool:
    """Whether a process runs (one that has ended and is not yet collected does not)."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_job_in_arrays_out(run):
    out = run(HEAD + "save(twice=[2 * x for x in job()['x']], text='é')", {"x": [1, 2.5]})
    np.testing.assert_array_equal(out["twice"], [2, 5])
    assert str(out["text"]) == "é"


def test_frames_arrive_in_order_and_progress_is_reported(run, video):
    seen: list[tuple[int, int]] = []
    out = run(
        HEAD + "means = []\nfor f in frames():\n    f[:1] += 0\n    means.append(f.mean()); progress(len(means))\n"
        "save(means=means, shape=f.shape, count=count())",
        video=video(7),
        report=lambda done, total: seen.append((done, total)),
    )
    np.testing.assert_allclose(out["means"], 10 * np.arange(7))
    assert tuple(out["shape"]) == (48, 64, 3) and int(out["count"]) == 7
    assert seen == [(i + 1, 7) for i in range(7)]


def test_big_frames_and_much_talk_do_not_lock_up(run, video):
    out = run(
        HEAD + "n = 0\nfor f in frames():\n    n += 1\n    print('x' * 200000)\n"
        "    print('y' * 200000, file=sys.stderr); os.write(1, b'z' * 100000)\nsave(n=n)",
        video=video(6, (1280, 720)),
    )
    assert int(out["n"]) == 6


def test_frames_are_scaled_down(run, video):
    out = run(HEAD + "save(shape=next(frames()).shape)", video=video(2, (64, 48)), longest=32)
    assert tuple(out["shape"]) == (24, 32, 3)


def test_a_script_may_stop_reading(run, video):
    out = run(HEAD + "next(frames()); save(ok=1)", video=video(6, (1280, 720)))
    assert int(out["ok"]) == 1


def test_what_the_tool_reads_or_prints_touches_no_channel(run, video):
    text = 'print(\'{"fail": "no"}\')\nrest = sys.stdin.read()\nsave(rest=len(rest), n=len(list(frames())))'
    out = run(HEAD + text, video=video(3))
    assert int(out["rest"]) == 0 and int(out["n"]) == 3


def test_fail_is_the_users_line(run):
    with pytest.raises(DiffOptError, match=r"^no person, said the tool$"):
        run(HEAD + "fail('no person,\\n said the tool')")


def test_death_quotes_the_last_words_and_keeps_the_rest(run, cache):
    with pytest.raises(DiffOptError) as caught:
        run(HEAD + "print('early talk')\nraise ValueError('seven\\nis odd')")
    text = str(caught.value)
    assert "status 1" in text and "ValueError: seven is odd" in text and "\n" not in text
    assert "early talk" in (cache / "logs" / "tool.txt").read_text()


def test_a_sudden_end_is_told_with_the_last_lines_of_stderr(run, video):
    with pytest.raises(DiffOptError, match=r"status 9: .*CUDA out of memory"):
        run(HEAD + "next(frames())\nprint('CUDA out of memory', file=sys.stderr); sys.stderr.flush(); os._exit(9)",
            video=video(6, (1280, 720)))  # fmt: skip


def test_a_killed_script_says_so(run):
    with pytest.raises(DiffOptError, match="killed by signal 9"):
        run(HEAD + "os.kill(os.getpid(), 9)")


def test_no_result_is_an_error(run):
    with pytest.raises(DiffOptError, match="without a result"):
        run(HEAD + "progress(1, 1)")


def test_a_result_with_pickles_is_refused(run):
    with pytest.raises(DiffOptError, match="Object arrays cannot be saved"):
        run(HEAD + "import numpy as np\nsave(x=np.array([{}], dtype=object))")
    with pytest.raises(DiffOptError, match="cannot be read"):
        run(HEAD + "import numpy as np\nnp.savez(sys.argv[2], x=np.array([{}], dtype=object))")


@pytest.mark.parametrize("text", [HEAD + "save(x=1)", HEAD + "import no_such_tool_at_all"])
def test_missing_module_names_it_and_how(run, text):
    needs = Needs("tool", modules=("no_such_tool_at_all",) if "save(" in text else (), how="pip install the-tool")
    with pytest.raises(MissingResource, match=r"no_such_tool_at_all.*environment here.*pip install the-tool"):
        run(text, needs=needs)


def test_a_frame_that_cannot_be_read_is_the_files_error(run, video):
    short = dataclasses.replace(video(3), frames=(0, 1, 2, 3, 4))
    with pytest.raises(BadInput, match="ends after frame 3"):
        run(HEAD + "save(n=len(list(frames())))", video=short)


def test_frames_without_a_video(run):
    with pytest.raises(DiffOptError, match="the frames ended early"):
        run(HEAD + "save(n=len(list(frames())))")


def test_a_file_beside_the_script_hides_no_module(run, tmp_path):
    (tmp_path / "colorsys.py").write_text("raise RuntimeError")
    assert int(run(HEAD + "import colorsys\nsave(x=1)")["x"]) == 1


def test_parts_are_whole_files(run, tmp_path):
    run(HEAD + "save_as(job()['to'], x=3)\nsave()", {"to": str(tmp_path / "part.npz")})
    assert int(np.load(tmp_path / "part.npz")["x"]) == 3
    assert not list(tmp_path.glob("*.part"))


def test_interrupt_ends_the_child(run, video, tmp_path):
    """Whatever is raised here (Ctrl-C lands in the report as anywhere else), the child and its child are gone."""
    note = tmp_path / "pid"

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(
            HEAD + "import subprocess, time\nother = subprocess.Popen([sys.executable, '-c', 'import time; "
            f"time.sleep(60)'])\nopen({str(note)!r}, 'w').write('%d %d' % (os.getpid(), other.pid))\n"
            "progress(1, 2)\ntime.sleep(60)",
            report=interrupt,
            video=video(6, (1280, 720)),
        )
    pids = [int(text) for text in note.read_text().split()]
    limit = time.monotonic() + 5
    while (any(alive(pid) for pid in pids) or _feeding()) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)
    assert not _feeding()


def _feeding() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "_feed" in thread.name and thread.is_alive()]
