"""Runs inside Blender: GLB in, FBX out. Imports nothing from DiffOpt except the module that passes the job."""

import json
import sys

import bpy


def convert(job):
    """``job``: glb, fbx (paths), fps, frames, up (y, z), unit (m, cm)."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    # a rate such as 29.97 is an integer over a base; set before the import, which converts seconds to frames
    scene.render.fps = max(1, round(job["fps"]))
    scene.render.fps_base = scene.render.fps / job["fps"]
    bpy.ops.import_scene.gltf(filepath=job["glb"], bone_heuristic="TEMPERANCE")
    scene.frame_start, scene.frame_end = 0, job["frames"] - 1
    for thing in scene.objects:
        # each animation of the GLB is a strip; the exporter bakes the active one
        data = thing.animation_data
        if data is not None:
            for track in data.nla_tracks:
                track.mute = False
        # the skin is written from the rest pose and the bones, so deforming the mesh at every baked frame would waste
        # time
        for modifier in thing.modifiers:
            modifier.show_viewport = False
    bpy.ops.export_scene.fbx(
        filepath=job["fbx"],
        object_types={"ARMATURE", "MESH", "CAMERA"},
        add_leaf_bones=False,
        bake_anim=True,
        bake_anim_use_all_bones=True,
        bake_anim_use_nla_strips=False,
        bake_anim_use_all_actions=False,
        bake_anim_force_startend_keying=True,
        bake_anim_simplify_factor=0.0,
        axis_up="Y" if job["up"] == "y" else "Z",
        axis_forward="-Z" if job["up"] == "y" else "Y",
        # cm: numbers in centimetres, FBX's default unit; m: numbers in metres, with the unit stored in the file
        apply_unit_scale=True,
        apply_scale_options="FBX_SCALE_NONE" if job["unit"] == "cm" else "FBX_SCALE_UNITS",
        mesh_smooth_type="OFF",
    )
    return bpy.app.version_string


if __name__ == "__main__":
    if "--" in sys.argv:  # a blender program
        convert(json.loads(sys.argv[sys.argv.index("--") + 1]))
    else:
        from diffopt_frames import job, save

        save(version=convert(job()))
