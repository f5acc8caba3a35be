// Small helpers of the charts: elements, scales, ticks, paths.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function svgElement(tag, attributes = {}, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The numbers between low and high at which an axis is marked: 1, 2 or 5 of a power of ten apart. */
function ticks(low, high, wanted) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const raw = span / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((k) => k * power >= raw * 0.999) * power;
  const out = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + 1e-9 * span; v += step) out.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return out;
}

function written(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text = size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
  return text.replace("-", "−");
}

function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(0).replace("e+", "e").replace("-", "−");
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

/** Lowest and highest of all finite numbers. */
function bounds(lists) {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists)
    for (const v of list)
      if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
  return low <= high ? [low, high] : [0, 1];
}

/** A line through values; more points than pixels are drawn as the low and high of each pixel. Gaps where nan. */
function linePath(values, x, y, width) {
  const n = values.length;
  const each = Math.max(1, Math.floor(n / Math.max(width, 1)));
  let path = "";
  let down = false;
  const put = (t) => {
    if (!Number.isFinite(values[t])) { down = false; return; }
    path += `${down ? "L" : "M"}${x(t).toFixed(1)} ${y(values[t]).toFixed(1)}`;
    down = true;
  };
  for (let first = 0; first < n; first += each) {
    if (each === 1) { put(first); continue; }
    let [low, high] = [first, first];
    for (let t = first; t < Math.min(first + each, n); t++) {
      if (values[t] < values[low] || !Number.isFinite(values[low])) low = t;
      if (values[t] > values[high] || !Number.isFinite(values[high])) high = t;
    }
    put(Math.min(low, high));
    if (low !== high) put(Math.max(low, high));
  }
  return path;
}
