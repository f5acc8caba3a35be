// The eye that goes round the scene: drag to turn, right drag or two fingers to move, wheel or pinch to come nearer.

class Orbit {
  constructor(element, changed) {
    this.element = element;
    this.changed = changed;
    this.active = () => true;
    this.yaw = 0.6; this.pitch = 0.3; this.distance = 5; this.target = [0, 0.9, 0];
    this.fov = (35 * Math.PI) / 180;
    this.fingers = new Map();
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, (event) => this.fingers.delete(event.pointerId));
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  down(event) {
    if (!this.active()) return;
    this.element.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    this.pans = event.button === 2 || event.button === 1 || event.shiftKey;
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.fingers.size === 1) {
      const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
      if (this.pans) this.pan(dx, dy);
      else this.turn(dx, dy);
    } else if (this.fingers.size === 2) {
      const other = [...this.fingers].find(([id]) => id !== event.pointerId)[1];
      const span = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
      this.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      this.near(span(before) / span(now));
    }
    this.fingers.set(event.pointerId, now);
    this.changed();
  }

  wheel(event) {
    if (!this.active()) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.near(Math.exp(clamp(event.deltaY * lines, -200, 200) * 0.0016));
    this.changed();
  }

  turn(dx, dy) {
    this.yaw -= dx * 0.008;
    this.pitch = clamp(this.pitch + dy * 0.008, -0.05, 1.57);
  }

  near(factor) {
    this.distance = clamp(this.distance * factor, 0.8, 400);
  }

  pan(dx, dy) {
    const { x, y } = this.axes();
    const step = (2 * this.distance * Math.tan(this.fov / 2)) / this.element.clientHeight;
    for (let k = 0; k < 3; k++) this.target[k] += step * (dy * y[k] - dx * x[k]);
  }

  axes() {
    const back = this.back();
    // Seen from straight above, up on the screen is away from the eye.
    const x = [Math.cos(this.yaw), 0, -Math.sin(this.yaw)];
    return { x, y: cross(back, x) };
  }

  back() {
    const flat = Math.cos(this.pitch);
    return [Math.sin(this.yaw) * flat, Math.sin(this.pitch), Math.cos(this.yaw) * flat];
  }

  /** World to clip space for a window of this shape; ``shift`` moves the target along (following). */
  look(aspect, shift) {
    const target = this.target.map((v, k) => v + shift[k]);
    const eye = this.back().map((v, k) => target[k] + v * this.distance);
    const { y } = this.axes();
    // A narrow window sees as much to the sides as a square one.
    const fov = aspect < 1 ? 2 * Math.atan(Math.tan(this.fov / 2) / Math.max(aspect, 0.4)) : this.fov;
    const lens = perspective(fov, aspect, Math.max(0.05, this.distance * 0.02), this.distance * 4 + 120);
    return { clip: times(lens, lookAt(eye, target, y)), eye, target };
  }
}
