// Geometry that is made here and not in the blob.

/** A sphere cut at its middle, whose halves bone shaders pull apart: corners and triangles. */
function capsule(around, up) {
  const corners = [];
  const faces = [];
  for (let i = 0; i <= 2 * up + 1; i++) {
    const row = i <= up ? i : i - 1; // the middle ring comes twice: once for each end
    const angle = -Math.PI / 2 + (Math.PI * row) / (2 * up);
    const lift = row === up ? (i <= up ? -1e-4 : 1e-4) : Math.sin(angle);
    for (let k = 0; k < around; k++) {
      const turn = (2 * Math.PI * k) / around;
      corners.push(Math.cos(angle) * Math.cos(turn), lift, Math.cos(angle) * Math.sin(turn));
    }
  }
  for (let i = 0; i <= 2 * up; i++)
    for (let k = 0; k < around; k++) {
      const [a, b] = [i * around + k, i * around + ((k + 1) % around)];
      faces.push(a, a + around, b, b, a + around, b + around);
    }
  return { corners: new Float32Array(corners), faces: new Uint16Array(faces) };
}

/** The 24 matrices of a frame, three rows of four each: what takes a rest vertex to the world. */
function bonesOf(track, t, out) {
  for (let j = 0; j < 24; j++) {
    const R = turnOf(track.turns, t * 24 + j);
    const [x, y, z] = [track.rest[j * 3], track.rest[j * 3 + 1], track.rest[j * 3 + 2]];
    for (let r = 0; r < 3; r++) {
      const at = (j * 3 + r) * 4;
      out[at] = R[r * 3]; out[at + 1] = R[r * 3 + 1]; out[at + 2] = R[r * 3 + 2];
      out[at + 3] = track.joints[(t * 24 + j) * 3 + r] - (R[r * 3] * x + R[r * 3 + 1] * y + R[r * 3 + 2] * z);
    }
  }
  return out;
}

/** Ends of the bones that are there in frame t, six numbers each. */
function bonesBetween(bones, joints, t) {
  const out = [];
  for (const [child, parent] of bones) {
    const a = (t * 24 + parent) * 3;
    const b = (t * 24 + child) * 3;
    if (Number.isFinite(joints[a] + joints[b])) out.push(...joints.subarray(a, a + 3), ...joints.subarray(b, b + 3));
  }
  return out;
}

/** A path laid on the ground, [T 3]; points that are missing take the last place known. */
function grounded(root, height) {
  const out = new Float32Array(root.length);
  let [x, z] = [0, 0];
  for (let t = 0; t < root.length / 3; t++) {
    if (Number.isFinite(root[t * 3])) [x, z] = [root[t * 3], root[t * 3 + 2]];
    out.set([x, height, z], t * 3);
  }
  return out;
}

/** Corners of a camera's frustum at a depth of d metres: the four of the image, from its upper left, clockwise. */
function frustum(camera, t, [w, h], d) {
  const R = turnOf(camera.turns, t);
  const C = camera.position.subarray(t * 3, t * 3 + 3);
  const [fx, fy] = [camera.focal[t * 2], camera.focal[t * 2 + 1]];
  const [cx, cy] = [camera.centre[t * 2], camera.centre[t * 2 + 1]];
  return [[0, 0], [w, 0], [w, h], [0, h]].map(([u, v]) => {
    const p = [(d * (u - cx)) / fx, (d * (v - cy)) / fy, d];
    return [0, 1, 2].map((k) => C[k] + R[k] * p[0] + R[3 + k] * p[1] + R[6 + k] * p[2]);
  });
}
