// Time: which frame is shown, and when the next one is due.

class Player {
  constructor(scene, stage) {
    this.scene = scene;
    this.stage = stage;
    this.frame = 0;
    this.time = 0;
    this.playing = false;
    this.speed = 1;
    this.listeners = [(frame) => stage.show(frame)];
    this.slider = document.getElementById("slider");
    this.slider.max = scene.frames - 1;
    this.slider.addEventListener("input", () => { this.pause(); this.seek(Number(this.slider.value)); });
    document.getElementById("play").addEventListener("click", () => this.toggle());
    document.getElementById("speed").addEventListener("change", (event) => { this.speed = Number(event.target.value); });
    this.seek(0);
  }

  seek(frame) {
    this.time = clamp(Math.round(frame), 0, this.scene.frames - 1) / this.scene.fps;
    this.arrive();
  }

  step(count) { this.pause(); this.seek(this.frame + count); }

  toggle() { if (this.playing) this.pause(); else this.play(); }

  play() {
    if (this.playing || this.scene.frames < 2) return;
    if (this.frame === this.scene.frames - 1) this.seek(0);
    this.playing = true;
    this.last = null;
    this.label();
    requestAnimationFrame((now) => this.tick(now));
  }

  pause() {
    this.playing = false;
    this.label();
  }

  label() {
    const button = document.getElementById("play");
    button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    document.getElementById("glyph").setAttribute("d", this.playing ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2l10 6-10 6z");
  }

  tick(now) {
    if (!this.playing) return;
    const { frames, fps } = this.scene;
    if (this.last !== null) this.time = (this.time + Math.min((now - this.last) / 1000, 0.25) * this.speed) % (frames / fps);
    this.last = now;
    this.arrive();
    requestAnimationFrame((next) => this.tick(next));
  }

  /** Time has changed: the frame that is shown until the next one is due. */
  arrive() {
    const { frames, fps } = this.scene;
    const frame = clamp(Math.floor(this.time * fps + 1e-6), 0, frames - 1);
    if (frame === this.frame && this.arrived) return;
    this.arrived = true;
    this.frame = frame;
    this.slider.value = frame;
    const text = `${(frame / fps).toFixed(2)} / ${((frames - 1) / fps).toFixed(2)} s`;
    document.getElementById("clock").textContent = text;
    this.slider.setAttribute("aria-valuetext", `frame ${frame + 1} of ${frames}, ${(frame / fps).toFixed(2)} seconds`);
    for (const listener of this.listeners) listener(frame);
  }
}
