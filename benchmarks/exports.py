"""Do exports open elsewhere, and is what opens what we wrote? Asked of the programs themselves.

    python benchmarks/exports.py [RESULT] [--bpy PYTHON] [--validator FOLDER] [--frames 100] [--long 3000]

RESULT: a result folder (default: the demonstration's true motion). Clients, each used where it is there:

- Khronos's glTF validator: ``npm install gltf-validator`` in FOLDER
- Blender: PYTHON of a Python 3.11 environment with ``pip install bpy==5.0.1`` (GLB, BVH, FBX, and USD)
- usd-core, importable from this very interpreter
- smplx, importable from this very interpreter (a development dependency here)

Differences are the largest over joints or vertices and five frames, mm. Ends with status 1 where one is over its limit:
joints 1 mm, vertices 3 mm, no error and no warning of the validator, 10 s for each format of a long clip.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JOINTS_MM, VERTICES_MM, SECONDS = 1.0, 3.0, 10.0
_VALIDATE = """
const fs = require('fs'), validator = require('gltf-validator');
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1]))).then(report =>
  console.log(JSON.stringify({issues: report.issues, version: validator.version()})));
"""


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("result", nargs="?", type=Path)
    ask.add_argument("--bpy", type=Path, help="python with bpy")
    ask.add_argument("--validator", type=Path, help="folder with node_modules/gltf-validator")
    ask.add_argument("--frames", type=int, default=100, help="of the demonstration")
    ask.add_argument("--long", type=int, default=3000, help="frames of the timed clip; 0: none")
    ask.add_argument("--keep", type=Path, help="write the files here instead of a scratch folder")
    asked = ask.parse_args()
    rows: list[tuple[str, float, float | None, str]] = []
    with tempfile.TemporaryDirectory(prefix="exports-") as scratch:
        folder = asked.keep or Path(scratch)
        result = given(asked.result, asked.frames)
        truth = write(result, folder, asked.bpy)
        rows += amass(folder, result)
        rows += usd(folder, truth)
        rows += validator(folder, asked.validator)
        rows += blender(folder, asked.bpy)
        if asked.long:
            rows += timed(asked.long, Path(scratch) / "long", asked.bpy)
    print(f"\n{'what':<44}{'value':>10}  {'limit':>8}")
    for what, value, limit, unit in rows:
        over = limit is not None and value > limit
        print(f"{what:<44}{value:>10.4g}  {'' if limit is None else f'{limit:g}':>8} {unit}{'  OVER' if over else ''}")
    return int(any(limit is not None and value > limit for _, value, limit, _ in rows))


def demonstration(frames: int):
    """The demonstration's true motion and its camera, as a finished result of the embedded body."""
    from diffopt_core.parts.datasets.case_file import clip_of
    from diffopt_core.parts.datasets.simulator.simulate import simulate
    from diffopt_core.parts.demo_motion import demo_clip
    from diffopt_core.types import Result, Status

    walker = demo_clip(frames=frames)
    clip = clip_of(simulate(walker, seed=0)[0], "demo")
    motion, camera, joints = walker.truth.motion, clip.camera, walker.truth.joints
    return Result(clip, motion, camera, joints, motion, camera, joints, Status.FINISHED, {}, {}, {}, "anny24")


def given(path: Path | None, frames: int):
    """A result, or the demonstration."""
    from diffopt_core.results.saved import read_result

    return demonstration(frames) if path is None else read_result(path)


def build(name: str, env: str | None = None):
    from diffopt_core.host.registry import Registry

    registry = Registry.load()
    return registry.context(env=env).build("exporter", name)


def write(result, folder: Path, bpy: Path | None) -> dict:
    """Every format that can be written here, and what clients are compared with."""
    import numpy as np
    import torch
    from diffopt_core.errors import MissingResource
    from diffopt_core.types import HumanMotion
    from diffopt_exports.configs import MotionOptions
    from diffopt_exports.performance import perform

    for name in ("glb", "bvh", "amass", "csv", "trc", "usd", "fbx"):
        try:
            build(name, str(bpy) if bpy else None).export(result, folder)
        except MissingResource as error:
            print(f"{name}: not written: {error}")
    done = perform(result, MotionOptions())
    frames = np.unique(np.linspace(0, done.num_frames - 1, 5).round().astype(int))
    truth = {"frames": frames, "joints": done.joints.numpy()[frames], "fps": np.array(done.fps)}
    if done.camera is not None:
        truth["camera"] = done.camera.position.numpy()[frames]
    body = done.figure.mesh
    if body is not None:
        some = torch.from_numpy(frames)
        betas = done.figure.betas[None].float()
        motion = HumanMotion(done.pose[some][None].float(), done.trans[some][None].float(), betas, body.name)
        truth["vertices"] = body.vertices(motion)[0].numpy()
    np.savez(folder / "expected.npz", **truth)
    return truth


def amass(folder: Path, result) -> list:
    """The AMASS file through smplx, as anybody would read it, on the arrays of the embedded body."""
    import numpy as np
    import torch

    if result.body_model != "anny24":
        print(f"amass: not checked: the body is {result.body_model}")
        return []
    try:
        import smplx
    except ImportError:
        print("amass: not checked: smplx is not installed")
        return []
    import diffopt_core

    file = Path(diffopt_core.__file__).parent / "parts" / "bodies" / "anny24.npz"
    arrays = dict(np.load(file))
    arrays["posedirs"] = np.zeros((len(arrays["v_template"]), 3, 207), np.float32)
    ids = dict.fromkeys(smplx.vertex_ids.vertex_ids["smplh"], 0)
    model = smplx.SMPL(model_path="", data_struct=smplx.utils.Struct(**arrays), vertex_ids=ids)
    saved = np.load(folder / "amass.npz")
    poses, count = torch.from_numpy(saved["poses"]).float(), len(saved["poses"])
    body = torch.cat([poses[:, 3:66], torch.zeros(count, 6)], 1)
    betas = torch.from_numpy(saved["betas"][:10]).float().expand(count, -1)
    out = model(
        betas=betas, global_orient=poses[:, :3], body_pose=body, transl=torch.from_numpy(saved["trans"]).float()
    )
    found = out.joints[:, :24].detach().numpy()
    found = np.stack([found[..., 0], found[..., 2], -found[..., 1]], -1)  # z up to y up
    return [("amass: joints through smplx", millimetres(found, result.joints.numpy()), JOINTS_MM, "mm")]


def usd(folder: Path, truth: dict) -> list:
    import numpy as np

    try:
        from pxr import Gf, Usd, UsdSkel
    except ImportError:
        print("usd: not checked: usd-core is not installed")
        return []
    stage = Usd.Stage.Open(str(folder / "motion.usdc"))
    root = UsdSkel.Root(stage.GetPrimAtPath("/motion"))
    cache = UsdSkel.Cache()
    cache.Populate(root, Usd.PrimDefaultPredicate)
    skeleton = cache.GetSkelQuery(UsdSkel.Skeleton(stage.GetPrimAtPath("/motion/skeleton")))
    mesh = stage.GetPrimAtPath("/motion/mesh")
    skinning = cache.GetSkinningQuery(mesh)
    joints, vertices, camera = [], [], []
    for frame in truth["frames"].tolist():
        transforms = skeleton.ComputeJointSkelTransforms(frame)
        joints.append([list(Gf.Matrix4d(m).ExtractTranslation()) for m in transforms])
        points = mesh.GetAttribute("points").Get()
        assert skinning.ComputeSkinnedPoints(skeleton.ComputeSkinningTransforms(frame), points, frame)
        vertices.append(np.array(points))
        eye = stage.GetPrimAtPath("/camera")
        if eye:
            from pxr import UsdGeom

            camera.append(list(UsdGeom.Xformable(eye).ComputeLocalToWorldTransform(frame).ExtractTranslation()))
    rows = [("usd: joints by UsdSkel", millimetres(joints, truth["joints"]), JOINTS_MM, "mm")]
    if "vertices" in truth:
        rows.append(("usd: vertices by UsdSkel", millimetres(vertices, truth["vertices"]), VERTICES_MM, "mm"))
    if camera and "camera" in truth:
        rows.append(("usd: camera by UsdGeom", millimetres(camera, truth["camera"]), JOINTS_MM, "mm"))
    return rows


def validator(folder: Path, where: Path | None) -> list:
    if where is None or shutil.which("node") is None:
        print("glTF validator: not run (--validator FOLDER, and node on the path)")
        return []
    command = ["node", "-e", _VALIDATE, str((folder / "motion.glb").absolute())]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True)
    if done.returncode:
        print(f"glTF validator: not run: {done.stderr.strip().splitlines()[-1]}")
        return []
    said = json.loads(done.stdout)
    print(f"glTF validator {said['version']}: {json.dumps(said['issues'])[:400]}")
    return [
        (f"glb: {key[3:].lower()} of the validator", said["issues"][key], 0, "") for key in ("numErrors", "numWarnings")
    ]


def blender(folder: Path, bpy: Path | None) -> list:
    if bpy is None:
        print("Blender: not run (--bpy PYTHON)")
        return []
    done = subprocess.run([str(bpy), __file__, "--inside-blender", str(folder)], capture_output=True, text=True)
    if done.returncode:
        print(f"Blender: failed: {done.stderr.strip().splitlines()[-1]}")
        return [("Blender: failures", 1, 0, "")]
    said = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"Blender {said.pop('version')}")
    return [
        (f"Blender: {what}", value, VERTICES_MM if "vertices" in what else JOINTS_MM, "mm")
        for what, value in said.items()
    ]


def inside_blender(folder: Path) -> None:
    """Runs in Blender: import each file, move to each frame, look where bones and vertices are."""
    import bpy
    import numpy as np

    truth = dict(np.load(folder / "expected.npz"))
    fps = float(truth["fps"])
    names = json.loads((folder / "motion.csv.json").read_text())["options"] and _joint_names(folder)

    def fresh() -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        bpy.context.scene.render.fps = max(1, round(fps))
        bpy.context.scene.render.fps_base = max(1, round(fps)) / fps

    def look(start: int) -> dict[str, np.ndarray]:
        found: dict[str, list] = {"joints": [], "vertices": [], "camera": []}
        scene = bpy.context.scene
        for frame in truth["frames"].tolist():
            scene.frame_set(frame + start)
            graph = bpy.context.evaluated_depsgraph_get()
            for thing in scene.objects:
                if thing.type == "ARMATURE":
                    posed = thing.evaluated_get(graph)
                    heads = [posed.matrix_world @ posed.pose.bones[name].head for name in names]
                    found["joints"].append([list(head) for head in heads])
                elif thing.type == "MESH" and thing.modifiers:
                    posed = thing.evaluated_get(graph)
                    mesh = posed.to_mesh()
                    points = np.empty(3 * len(mesh.vertices), np.float32)
                    mesh.vertices.foreach_get("co", points)
                    world = np.array(posed.matrix_world)
                    found["vertices"].append(points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])
                    posed.to_mesh_clear()
                elif thing.type == "CAMERA":
                    found["camera"].append(list(thing.evaluated_get(graph).matrix_world.translation))
        # Blender has z up
        return {key: np.array(value)[..., [0, 2, 1]] * [1, 1, -1] for key, value in found.items() if value}

    told: dict[str, object] = {"version": bpy.app.version_string}
    jobs = {
        "glb": lambda path: bpy.ops.import_scene.gltf(filepath=path),
        "bvh": lambda path: bpy.ops.import_anim.bvh(filepath=path, frame_start=1),
        "fbx": lambda path: bpy.ops.import_scene.fbx(filepath=path),
        "usdc": lambda path: bpy.ops.wm.usd_import(filepath=path),
    }
    for suffix, load in jobs.items():
        path = folder / f"motion.{suffix}"
        if not path.is_file():
            continue
        fresh()
        load(str(path))
        start = 1 if suffix in ("bvh", "fbx") else 0  # where the importer puts the first frame
        for key, value in look(start).items():
            if key in truth and len(value) == len(truth[key]):
                expected = truth[key]
                if value.shape != expected.shape and key == "vertices":
                    told[f"{suffix}: vertices differ in number"] = abs(value.shape[1] - expected.shape[1])
                    continue
                told[f"{suffix}: {key}"] = millimetres(value, expected)
    print(json.dumps(told))


def _joint_names(folder: Path) -> list[str]:
    head = (folder / "motion.csv").open().readline().strip().split(",")[2:]
    return [name[:-2] for name in head[::3]]


def millimetres(a, b) -> float:
    import numpy as np

    return float(1e3 * np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64), axis=-1).max())


def timed(frames: int, folder: Path, bpy: Path | None) -> list:
    """Seconds a format for a long clip, everything from result to file."""
    from diffopt_core.errors import MissingResource

    result, rows = demonstration(frames), []
    for name in ("glb", "bvh", "amass", "csv", "trc", "usd", "fbx"):
        begun = time.perf_counter()
        try:
            files = build(name, str(bpy) if bpy else None).export(result, folder)
        except MissingResource:
            continue
        seconds = time.perf_counter() - begun
        size = files[0].stat().st_size / 1e6
        # Blender is not ours to make faster
        rows.append((f"{name}: {frames} frames ({size:.1f} MB)", seconds, None if name == "fbx" else SECONDS, "s"))
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside-blender"]:
        inside_blender(Path(sys.argv[2]))
    else:
        sys.exit(main())
