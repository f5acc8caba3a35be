// Charts without time: errors by joint, losses by step.

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
