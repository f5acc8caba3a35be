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
