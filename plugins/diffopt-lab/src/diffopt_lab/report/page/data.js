// The numbers of the page, out of the blob: typed arrays, nan where a number is missing.

const MISSING = -32768;
const TYPES = { f4: Float32Array, i2: Int16Array, u2: Uint16Array, u4: Uint32Array, i1: Int8Array, u1: Uint8Array };

function readBlob(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes.buffer;
}

/** The array as it lies in the blob: whole numbers stay whole (meshes go to the graphics card so). */
function rawOf(buffer, ref) {
  return new TYPES[ref.t](buffer, ref.o, ref.n);
}

/** The array as numbers. */
function numbersOf(buffer, ref) {
  const raw = rawOf(buffer, ref);
  if (ref.s === undefined) return raw;
  const out = new Float32Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw[i] === MISSING ? NaN : raw[i] * ref.s;
  return out;
}

/** Joints of every frame: root [T 3] and joints [T 24 3] in the world. */
function pointsOf(buffer, part) {
  const root = numbersOf(buffer, part.root);
  const joints = numbersOf(buffer, part.about);
  const each = joints.length / root.length;
  for (let t = 0; t < root.length / 3; t++)
    for (let j = 0; j < each; j++)
      for (let k = 0; k < 3; k++) joints[(t * each + j) * 3 + k] += root[t * 3 + k];
  return { root, joints };
}

function readScene(scene, buffer) {
  const track = (part) => ({
    ...part, ...pointsOf(buffer, part), rest: numbersOf(buffer, part.rest), turns: numbersOf(buffer, part.turns),
  });
  const camera = (part) => ({
    ...part,
    position: numbersOf(buffer, part.position), turns: numbersOf(buffer, part.turns),
    focal: numbersOf(buffer, part.focal), centre: numbersOf(buffer, part.centre),
  });
  const surface = (part) => ({
    drawn: part.drawn, step: part.vertices.s,
    vertices: rawOf(buffer, part.vertices), normals: rawOf(buffer, part.normals),
    joints: rawOf(buffer, part.joints), weights: rawOf(buffer, part.weights), faces: rawOf(buffer, part.faces),
  });
  return {
    ...scene,
    surfaces: scene.surfaces.map(surface),
    tracks: scene.tracks.map(track),
    truth: scene.truth && { label: "truth", role: "truth", ...pointsOf(buffer, scene.truth) },
    cameras: scene.cameras.map(camera),
    keypoints: scene.keypoints && {
      ...scene.keypoints,
      pixels: numbersOf(buffer, scene.keypoints.pixels), confidence: rawOf(buffer, scene.keypoints.confidence),
    },
  };
}
