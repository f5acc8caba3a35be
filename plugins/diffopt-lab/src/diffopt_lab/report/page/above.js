// Paths over the ground, seen from above.

class AboveChart extends Chart {
  constructor(spec, page) {
    super(spec, page);
    const { scene } = page;
    this.walks = [...scene.tracks, ...(scene.truth ? [scene.truth] : [])];
    this.cameras = scene.cameras.filter((camera) => camera.role !== "row");
    for (const walk of this.walks) this.key(walk, "bare");
    if (this.cameras.length) this.legend.append(element("span", { class: "key bare camera" }, element("i"), "camera"));
    this.svg.setAttribute("aria-label", "Paths over the ground, seen from above");
  }

  build() {
    const wide = this.width - LEFT - RIGHT;
    let [x0, x1] = bounds([...this.walks.map((w) => column(w.root, 0)), ...this.cameras.map((c) => column(c.position, 0))]);
    let [z0, z1] = bounds([...this.walks.map((w) => column(w.root, 2)), ...this.cameras.map((c) => column(c.position, 2))]);
    const pad = 0.06 * Math.max(x1 - x0, z1 - z0, 1);
    [x0, x1, z0, z1] = [x0 - pad, x1 + pad, z0 - pad, z1 + pad];
    const tall = clamp((wide * (z1 - z0)) / (x1 - x0), 170, Math.max(240, Math.min(wide, 420)));
    const scale = Math.min(wide / (x1 - x0), tall / (z1 - z0));
    const [cx, cz] = [(x0 + x1) / 2, (z0 + z1) / 2];
    const [top, bottom] = [6, 6 + tall];
    const [lowX, lowZ] = [cx - wide / 2 / scale, cz - tall / 2 / scale];
    const px = (x) => LEFT + (x - lowX) * scale;
    const py = (z) => top + (z - lowZ) * scale;
    const step = ticks(0, Math.max(wide, tall) / scale, 6)[1];
    const grid = (low, span) => { const out = []; for (let v = Math.ceil(low / step) * step; v <= low + span; v += step) out.push(v); return out; };
    for (const x of grid(lowX, wide / scale)) {
      this.add("line", { x1: px(x), x2: px(x), y1: top, y2: bottom, class: "rule" });
      this.add("text", { x: px(x), y: bottom + 14, class: "tick", "text-anchor": "middle" }, short(x + 0));
    }
    for (const z of grid(lowZ, tall / scale)) {
      this.add("line", { x1: LEFT, x2: LEFT + wide, y1: py(z), y2: py(z), class: "rule" });
      this.add("text", { x: LEFT - 6, y: py(z) + 3.5, class: "tick", "text-anchor": "end" }, short(z + 0));
    }
    this.add("text", { x: LEFT + wide, y: bottom - 5, class: "tick axis", "text-anchor": "end" }, `x, ${this.spec.unit} →`);
    this.add("text", { x: LEFT + 5, y: bottom - 5, class: "tick axis" }, `↓ z, ${this.spec.unit}`);
    const trail = (points, kind) => {
      let d = "";
      let down = false;
      for (let t = 0; t < this.frames; t++) {
        if (!Number.isFinite(points[t * 3])) { down = false; continue; }
        d += `${down ? "L" : "M"}${px(points[t * 3]).toFixed(1)} ${py(points[t * 3 + 2]).toFixed(1)}`;
        down = true;
      }
      this.add("path", { d, class: kind });
    };
    for (const camera of [...this.cameras].reverse()) trail(camera.position, `line thin camera ${camera.role === "final" ? "" : "dotted"}`);
    for (const walk of [...this.walks].reverse()) {
      const kind = walk.role === "truth" ? "dashed" : walk.role === "initial" ? "" : "wide";
      trail(walk.root, `line ${kind} ${this.page.colour(walk)}`);
    }
    for (const camera of this.cameras.filter((one) => one.role === "final")) {
      const wedge = this.add("path", { class: "wedge camera" });
      this.marks.push((t) => {
        const R = turnOf(camera.turns, t);
        const size = Math.hypot(R[6], R[8]) || 1;
        const [ax, az] = [(R[6] / size) * 16, (R[8] / size) * 16];
        const [x, y] = [px(camera.position[t * 3]), py(camera.position[t * 3 + 2])];
        wedge.setAttribute("d", `M${x} ${y}L${x + ax - az * 0.5} ${y + az + ax * 0.5}L${x + ax + az * 0.5} ${y + az - ax * 0.5}Z`);
      });
    }
    for (const walk of [...this.walks].reverse()) {
      const first = walk.root;
      if (Number.isFinite(first[0])) this.add("circle", { cx: px(first[0]), cy: py(first[2]), r: 3, class: `ring ${this.page.colour(walk)}` });
      const dot = this.add("circle", { r: walk.role === "initial" ? 4 : 5.5, class: `dot ${this.page.colour(walk)}` });
      this.marks.push((t) => {
        dot.style.display = Number.isFinite(walk.root[t * 3]) ? "" : "none";
        dot.setAttribute("cx", px(walk.root[t * 3]) || 0);
        dot.setAttribute("cy", py(walk.root[t * 3 + 2]) || 0);
      });
    }
    this.frameAt = (x, y) => nearest(this.walks[0].root, lowX + (x - LEFT) / scale, lowZ + (y - top) / scale, this.page.frame());
    return bottom + BOTTOM;
  }
}

const column = (points, k) => points.filter((_, i) => i % 3 === k);

/** The frame whose root is next to a place on the ground; of several that are about as near, the one next in time. */
function nearest(root, x, z, now) {
  let [best, least] = [null, Infinity];
  for (let t = 0; t < root.length / 3; t++) {
    const far = Math.hypot(root[t * 3] - x, root[t * 3 + 2] - z) + 1e-4 * Math.abs(t - now);
    if (far < least) [best, least] = [t, far];
  }
  return best;
}

const CHARTS = { time: TimeChart, stack: StackChart, contact: ContactChart, bars: BarChart, loss: LossChart, above: AboveChart };

/** The charts' numbers out of the blob, wherever they stand. */
function readChart(part, buffer) {
  if (Array.isArray(part)) return part.map((one) => readChart(one, buffer));
  if (part && typeof part === "object") {
    if (part.t !== undefined && part.o !== undefined) return numbersOf(buffer, part);
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, readChart(value, buffer)]));
  }
  return part;
}
