// What a stage asks: windows, means, colours.

/** The largest window of an image's shape: x, y (from below), w, h. */
function fitting([w, h], width, height) {
  const scale = Math.min(width / w, height / h);
  const size = [Math.round(w * scale), Math.round(h * scale)];
  return [Math.round((width - size[0]) / 2), Math.round((height - size[1]) / 2), ...size];
}

/** Means over a window of 2 n + 1 frames: what a following eye keeps its eye on. */
function smoothed(root, n) {
  const out = new Float32Array(root.length);
  const frames = root.length / 3;
  for (let k = 0; k < 3; k++) {
    let [sum, first, last] = [0, 0, 0];
    for (let t = 0; t < frames; t++) {
      for (; last < Math.min(t + n + 1, frames); last++) sum += root[last * 3 + k];
      for (; first < Math.max(t - n, 0); first++) sum -= root[first * 3 + k];
      out[t * 3 + k] = sum / (last - first);
    }
  }
  return out;
}

/** From where the person is seen from the front: the angle of left-to-right hips in the first frame. */
function facing(track) {
  const at = (j) => track.joints.subarray(j * 3, j * 3 + 3);
  const side = minus([...at(1)], [...at(2)]);
  return Math.atan2(-side[2], side[0]);
}

/** The theme's colours, for what is not styled by CSS: red, green, blue, opacity in [0, 1]. */
function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const out = { edge: style.getPropertyValue("--edge").trim() };
  const names = ["final", "initial", "truth", "camera", "grid", "floor", "shadow", "sky", "earth", ...Array.from({ length: 8 }, (_, n) => `row${n}`)];
  for (const name of names) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = style.getPropertyValue(`--${name}`).trim();
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    out[name] = [r / 255, g / 255, b / 255, a / 255];
  }
  return out;
}
