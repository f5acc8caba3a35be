// Matrices as WebGL takes them: sixteen numbers, column by column.

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

function times(a, b) {
  const out = new Float32Array(16);
  for (let c = 0; c < 4; c++)
    for (let r = 0; r < 4; r++)
      out[c * 4 + r] = a[r] * b[c * 4] + a[4 + r] * b[c * 4 + 1] + a[8 + r] * b[c * 4 + 2] + a[12 + r] * b[c * 4 + 3];
  return out;
}

function perspective(fov, aspect, near, far) {
  const f = 1 / Math.tan(fov / 2);
  const d = 1 / (near - far);
  return new Float32Array([f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) * d, -1, 0, 0, 2 * far * near * d, 0]);
}

const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const unit = (a) => { const n = Math.hypot(...a) || 1; return [a[0] / n, a[1] / n, a[2] / n]; };

function lookAt(eye, target, up) {
  const z = unit(minus(eye, target));
  const x = unit(cross(up, z));
  const y = cross(z, x);
  return new Float32Array([
    x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, -dot(x, eye), -dot(y, eye), -dot(z, eye), 1,
  ]);
}

/** Where a point of the world is on the screen: x, y in [-1, 1] and depth before the camera. */
function projected(clip, x, y, z) {
  const w = clip[3] * x + clip[7] * y + clip[11] * z + clip[15];
  return [
    (clip[0] * x + clip[4] * y + clip[8] * z + clip[12]) / w, (clip[1] * x + clip[5] * y + clip[9] * z + clip[13]) / w, w,
  ];
}

/** Rotation of quaternion number n of a list (x, y, z, w), as nine numbers row by row. */
function turnOf(list, n) {
  const [x, y, z, w] = [list[n * 4], list[n * 4 + 1], list[n * 4 + 2], list[n * 4 + 3]];
  return [
    1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
    2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
    2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
  ];
}

/** The recovered camera's own view of frame t: world to clip space, for an image of size w, h. */
function viewThrough(camera, t, [w, h], near, far) {
  const R = turnOf(camera.turns, t);
  const C = camera.position.subarray(t * 3, t * 3 + 3);
  const move = [0, 1, 2].map((r) => -(R[r * 3] * C[0] + R[r * 3 + 1] * C[1] + R[r * 3 + 2] * C[2]));
  // OpenCV looks along +z with y down, WebGL along -z with y up.
  const view = new Float32Array([
    R[0], -R[3], -R[6], 0, R[1], -R[4], -R[7], 0, R[2], -R[5], -R[8], 0, move[0], -move[1], -move[2], 1,
  ]);
  const [fx, fy] = [camera.focal[t * 2], camera.focal[t * 2 + 1]];
  const [cx, cy] = [camera.centre[t * 2], camera.centre[t * 2 + 1]];
  const d = 1 / (near - far);
  const lens = new Float32Array([
    2 * fx / w, 0, 0, 0, 0, 2 * fy / h, 0, 0, 1 - 2 * cx / w, 2 * cy / h - 1, (far + near) * d, -1,
    0, 0, 2 * far * near * d, 0,
  ]);
  return { view, lens, eye: [...C] };
}
