// The charts: each draws itself to the width that it has, shows the present frame, and goes to the frame pointed at.

const LEFT = 42, RIGHT = 10, BOTTOM = 20;

class Chart {
  constructor(spec, page) {
    this.spec = spec;
    this.page = page;
    this.caption = element("figcaption", {}, element("h2", {}, spec.title, ...(spec.unit ? [element("small", {}, ` ${spec.unit}`)] : [])));
    this.legend = element("div", { class: "legend" });
    this.caption.append(this.legend);
    this.svg = svgElement("svg", { role: "img" });
    this.root = element("figure", { class: `chart ${spec.kind}` }, this.caption, this.svg);
    if (spec.note) this.root.append(element("p", { class: "note" }, spec.note));
    this.marks = [];
    this.width = 0;
    new ResizeObserver(() => this.resize()).observe(this.root);
    if (this.seeks) this.listen();
  }

  get seeks() { return true; }
  get frames() { return this.page.scene.frames; }
  get inner() { return this.width - LEFT - RIGHT; }

  resize() {
    const width = Math.floor(this.root.clientWidth - 2 * parseFloat(getComputedStyle(this.root).paddingLeft));
    if (width < 40 || width === this.width) return;
    this.width = width;
    this.marks = [];
    this.svg.replaceChildren();
    this.height = this.build();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", this.height);
    this.at(this.page.frame());
  }

  add(tag, attributes, text) {
    const made = svgElement(tag, attributes, text);
    this.svg.append(made);
    return made;
  }

  x(t) { return LEFT + (this.inner * t) / Math.max(this.frames - 1, 1); }

  listen() {
    const go = (event) => {
      const box = this.svg.getBoundingClientRect();
      const frame = this.frameAt(event.clientX - box.left, event.clientY - box.top);
      if (frame !== null) this.page.seek(frame);
    };
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.svg.setPointerCapture(event.pointerId);
      this.held = true;
      go(event);
    });
    this.svg.addEventListener("pointermove", (event) => { if (this.held) go(event); });
    for (const name of ["pointerup", "pointercancel"]) this.svg.addEventListener(name, () => { this.held = false; });
  }

  frameAt(px) {
    return clamp(Math.round(((px - LEFT) / this.inner) * (this.frames - 1)), 0, this.frames - 1);
  }

  /** A key with the present value. */
  key(series, extra = "") {
    const value = element("output");
    this.legend.append(element("span", { class: `key ${this.page.colour(series)} ${extra}` }, element("i"), series.label, value));
    return value;
  }

  timeAxis(bottom) {
    const seconds = (this.frames - 1) / this.page.scene.fps;
    for (const s of ticks(0, seconds, Math.max(2, this.inner / 80))) {
      const px = this.x(s * this.page.scene.fps);
      this.add("text", { x: px, y: bottom + 14, class: "tick", "text-anchor": px > this.width - 24 ? "end" : "middle" }, `${short(s)}${s ? "" : " s"}`);
    }
  }

  valueAxis(low, high, top, bottom, count, word = short) {
    const y = (v) => bottom - ((bottom - top) * (v - low)) / (high - low || 1);
    for (const v of ticks(low, high, count)) {
      this.add("line", { x1: LEFT, x2: LEFT + this.inner, y1: y(v), y2: y(v), class: "rule" });
      this.add("text", { x: LEFT - 6, y: y(v) + 3.5, class: "tick", "text-anchor": "end" }, word(v));
    }
    return y;
  }

  cursor(top, bottom) {
    const line = this.add("line", { y1: top, y2: bottom, class: "cursor" });
    this.marks.push((t) => { line.setAttribute("x1", this.x(t)); line.setAttribute("x2", this.x(t)); });
  }

  lines(series, y) {
    for (const one of [...series].reverse()) {
      this.add("path", { d: linePath(one.values, (t) => this.x(t), y, this.inner), class: `line ${this.page.colour(one)}` });
      const dot = this.add("circle", { r: 3.2, class: `dot ${this.page.colour(one)}` });
      this.marks.push((t) => {
        const known = Number.isFinite(one.values[t]);
        dot.style.display = known ? "" : "none";
        if (known) { dot.setAttribute("cx", this.x(t)); dot.setAttribute("cy", y(one.values[t])); }
      });
    }
  }

  at(frame) {
    if (this.width) for (const mark of this.marks) mark(frame);
  }
}

class TimeChart extends Chart {
  constructor(spec, page) {
    super(spec, page);
    this.outputs = spec.series.map((one) => [one.values, this.key(one)]);
    this.svg.setAttribute("aria-label", `${spec.title} over time, ${spec.unit}: ${spec.series.map((one) => `${one.label} ${bounds([one.values]).map(written).join(" to ")}`).join("; ")}`);
  }

  build() {
    const [top, bottom] = [8, 132];
    let [low, high] = bounds(this.spec.series.map((one) => one.values));
    if (this.spec.zero) low = Math.min(low, 0);
    high += (high - low) * 0.06 || 1;
    const y = this.valueAxis(low, high, top, bottom, 4);
    this.timeAxis(bottom);
    this.cursor(top, bottom);
    this.lines(this.spec.series, y);
    return bottom + BOTTOM;
  }

  at(frame) {
    super.at(frame);
    for (const [values, output] of this.outputs) output.textContent = written(values[frame]);
  }
}

class StackChart extends Chart {
  constructor(spec, page) {
    super(spec, page);
    for (const one of spec.rows[0].series) this.key(one, "bare");
    this.svg.setAttribute("aria-label", `${spec.title} over time: ${spec.rows.map((row) => row.label).join(", ")}`);
  }

  build() {
    const [each, gap] = [50, 22];
    let top = 16;
    for (const row of this.spec.rows) {
      let [low, high] = bounds(row.series.map((one) => one.values));
      const least = { m: 0.1, "°": 2, px: 10 }[row.unit];
      if (high - low < least) { const middle = (low + high) / 2; [low, high] = [middle - least / 2, middle + least / 2]; }
      const label = this.add("text", { x: LEFT, y: top - 5, class: "row-label" }, row.label);
      const value = svgElement("tspan", { class: "row-value", dx: 6 });
      label.append(value);
      this.marks.push((t) => { value.textContent = `${written(row.series[0].values[t])}${row.unit === "°" ? "" : " "}${row.unit}`; });
      const y = this.valueAxis(low, high, top, top + each, 3);
      this.cursor(top, top + each);
      this.lines(row.series, y);
      top += each + gap;
    }
    this.timeAxis(top - gap);
    return top - gap + BOTTOM;
  }
}

class ContactChart extends Chart {
  constructor(spec, page) {
    super(spec, page);
    spec.rows[0].bars.forEach((bar) => this.key(bar, "bare"));
    this.svg.setAttribute("aria-label", `When the feet stand: ${spec.rows.map((row) => `${row.label} ${Math.round((100 * row.bars[0].values.reduce((a, b) => a + b, 0)) / this.frames)} % of the time`).join(", ")}`);
  }

  build() {
    const left = 78;
    this.x = (t) => left + ((this.width - left - RIGHT) * t) / Math.max(this.frames - 1, 1);
    this.frameAt = (px) => clamp(Math.round(((px - left) / (this.width - left - RIGHT)) * (this.frames - 1)), 0, this.frames - 1);
    const count = this.spec.rows[0].bars.length;
    const thick = count > 2 ? 5 : 9;
    let top = 6;
    for (const row of this.spec.rows) {
      const tall = count * (thick + 2);
      this.add("text", { x: left - 8, y: top + tall / 2 + 3, class: "tick", "text-anchor": "end" }, row.label);
      row.bars.forEach((bar, k) => {
        const y = top + k * (thick + 2);
        this.add("rect", { x: left, width: this.width - left - RIGHT, y, height: thick, rx: 2, class: "rail" });
        for (const [from, to] of runs(bar.values)) {
          const x = this.x(Math.max(from - 0.5, 0));
          this.add("rect", { x, width: Math.max(this.x(Math.min(to + 0.5, this.frames - 1)) - x, 1.5), y, height: thick, rx: 2, class: `bar ${this.page.colour(bar)}` });
        }
      });
      top += tall + 8;
    }
    this.cursor(2, top - 4);
    this.timeAxis(top - 6);
    return top - 6 + BOTTOM;
  }
}

/** First and last frame of every stretch of ones. */
function runs(values) {
  const out = [];
  for (let t = 0; t < values.length; t++)
    if (values[t]) {
      if (t && values[t - 1]) out[out.length - 1][1] = t;
      else out.push([t, t]);
    }
  return out;
}

class BarChart extends Chart {
  get seeks() { return false; }

  constructor(spec, page) {
    super(spec, page);
    spec.series.forEach((one) => this.key(one, "bare"));
    this.svg.setAttribute("aria-label", `${spec.title}, ${spec.unit}: ${spec.joints.map((name, n) => `${name} ${written(spec.series[0].mean[n])}`).join(", ")}`);
  }

  build() {
    const { joints, series } = this.spec;
    const two = this.width > 430 && joints.length > 12;
    const half = two ? Math.ceil(joints.length / 2) : joints.length;
    const [name, gap] = [86, 18];
    const wide = (two ? (this.width - gap) / 2 : this.width) - name - 4;
    const high = bounds(series.map((one) => one.mean))[1] || 1;
    const each = 8 + 7 * series.length;
    joints.forEach((joint, n) => {
      const left = n < half ? name : name + wide + 4 + gap + name;
      const top = 4 + (n % half) * each;
      this.add("text", { x: left - 8, y: top + each / 2, class: "tick", "text-anchor": "end" }, joint);
      series.forEach((one, k) => {
        const y = top + 1 + k * 7;
        this.add("rect", { x: left, y, width: wide, height: 5, rx: 2.5, class: "rail" });
        this.add("rect", { x: left, y, width: Math.max((wide * one.mean[n]) / high, 1), height: 5, rx: 2.5, class: `bar ${this.page.colour(one)}` });
        const mark = this.add("line", { y1: y - 1.5, y2: y + 6.5, class: "now" });
        this.marks.push((t) => {
          const value = one.values[t * joints.length + n];
          mark.style.display = Number.isFinite(value) ? "" : "none";
          const x = left + wide * clamp((value || 0) / high, 0, 1);
          mark.setAttribute("x1", x);
          mark.setAttribute("x2", x);
        });
      });
    });
    return half * each + 6;
  }
}

class LossChart extends Chart {
  get seeks() { return false; }

  constructor(spec, page) {
    super(spec, page);
    spec.terms.forEach((label, n) => this.legend.append(element("span", { class: `key bare row${n % 8}` }, element("i"), label)));
    this.svg.setAttribute("aria-label", `Losses by stage: ${spec.stages.map((stage) => `${stage.label} ${stage.steps} steps`).join(", ")}`);
  }

  build() {
    const { stages } = this.spec;
    const [top, bottom] = [8, 168];
    const every = stages.flatMap((stage) => stage.terms.map((term) => term.values.map((v) => (v > 0 ? Math.log10(v) : NaN))));
    let [low, high] = bounds(every);
    if (high - low < 0.5) { low -= 0.25; high += 0.25; }
    const y = (v) => bottom - ((bottom - top) * (Math.log10(v) - low)) / (high - low);
    const jump = Math.max(1, Math.ceil((high - low) / 5));
    for (let p = Math.ceil(low); p <= high; p += jump) {
      this.add("line", { x1: LEFT, x2: LEFT + this.inner, y1: y(10 ** p), y2: y(10 ** p), class: "rule" });
      const label = this.add("text", { x: LEFT - 6, y: y(10 ** p) + 3.5, class: "tick", "text-anchor": "end" }, "10");
      label.append(svgElement("tspan", { dy: -4, "font-size": "8" }, String(p).replace("-", "−")));
    }
    const wide = this.inner / stages.length;
    stages.forEach((stage, k) => {
      const left = LEFT + k * wide;
      if (k) this.add("line", { x1: left, x2: left, y1: top, y2: bottom, class: "wall" });
      this.add("text", { x: left + wide / 2, y: bottom + 14, class: "tick", "text-anchor": "middle" }, wide > 110 ? `${stage.label}, ${stage.steps} steps` : stage.label);
      for (const term of stage.terms) {
        const n = term.values.length;
        const x = (t) => left + 4 + ((wide - 8) * (n > 1 ? t / (n - 1) : 0.5));
        const logged = term.values.map((v) => (v > 0 ? v : NaN));
        if (n > 1) this.add("path", { d: linePath(logged, x, y, wide), class: `line thin row${term.term % 8}` });
        else if (Number.isFinite(logged[0])) this.add("circle", { cx: x(0), cy: y(logged[0]), r: 2.5, class: `dot row${term.term % 8}` });
      }
    });
    return bottom + BOTTOM;
  }
}

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
    this.add("text", { x: LEFT + wide, y: bottom - 5, class: "tick axis", "text-anchor": "end" }, "x, m →");
    this.add("text", { x: LEFT + 5, y: bottom - 5, class: "tick axis" }, "↓ z, m");
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
