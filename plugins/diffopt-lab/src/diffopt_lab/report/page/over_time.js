// Charts over time: lines, lines one below the other, bars of contact.

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
      const least = { m: 0.1, "°": 2, px: 10 }[row.unit.split(" ")[0]];
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
