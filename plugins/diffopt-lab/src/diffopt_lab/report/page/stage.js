// The stage: what is shown on it, and from where it is seen.

class Stage {
  constructor(scene, colour) {
    this.scene = scene;
    this.colour = colour;
    this.frame = 0;
    this.view = "orbit";
    this.element = document.getElementById("stage");
    this.canvas = document.getElementById("canvas");
    this.overlay = document.getElementById("overlay").getContext("2d");
    this.orbit = new Orbit(this.canvas, () => this.ask());
    this.orbit.active = () => this.view !== "camera";
    this.drawing = this.begin();
    this.images = scene.images && scene.images.urls.map(() => null);
    this.centres = smoothed(scene.tracks[0].root, Math.max(1, Math.round(scene.fps * 0.4)));
    this.shows = this.choices();
    this.buttons();
    this.home();
    this.palette = readPalette();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.palette = readPalette(); this.ask(); });
    new ResizeObserver(() => this.ask()).observe(this.element);
  }

  begin() {
    try {
      return new Drawing(this.canvas, this.scene);
    } catch (error) {
      if (error.message !== "no WebGL2") throw error;
      document.getElementById("flat").hidden = false;
      document.body.classList.add("no-webgl");
      return new FlatDrawing(this.canvas, this.scene);
    }
  }

  /** What can be shown: name -> { on, series }. */
  choices() {
    const { scene } = this;
    const list = scene.tracks.map((track, n) => ({ name: `track${n}`, label: track.label, series: track, on: track.role !== "initial" }));
    if (scene.truth) list.push({ name: "truth", label: "truth", series: scene.truth, on: true });
    if (scene.cameras.length) list.push({ name: "camera", label: "camera", series: { role: "camera" }, on: scene.cameras[0].role === "final" });
    if (scene.keypoints) list.push({ name: "keypoints", label: "keypoints", series: { role: "keypoint" }, on: true });
    if (scene.images) list.push({ name: "video", label: "video", series: { role: "plain" }, on: true });
    const shows = {};
    for (const { name, label, series, on } of list) {
      const button = element("button", { type: "button", "aria-pressed": on, class: `chip ${this.colour(series)}`, "data-show": name }, element("i"), label);
      button.addEventListener("click", () => this.turnOn(name, !this.shows[name].on));
      document.getElementById("shows").append(button);
      shows[name] = { on, button };
    }
    return shows;
  }

  turnOn(name, on) {
    if (!this.shows[name]) return;
    this.shows[name].on = on;
    this.shows[name].button.setAttribute("aria-pressed", on);
    this.ask();
  }

  shown(name) { return Boolean(this.shows[name]?.on); }

  buttons() {
    const by = (id) => document.getElementById(id);
    const { scene } = this;
    for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => this.look(button.dataset.view));
    if (!scene.cameras.length || !scene.size) document.querySelector("[data-view=camera]").hidden = true;
    by("follow").addEventListener("click", () => this.follow(!this.follows));
    by("apart").hidden = scene.tracks.filter((track) => track.role === "row").length < 2;
    by("apart").addEventListener("click", () => { this.spread = !this.spread; by("apart").setAttribute("aria-pressed", this.spread); this.ask(); });
    by("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : by("player").requestFullscreen()));
    by("full").hidden = !document.fullscreenEnabled;
    this.canvas.addEventListener("dblclick", () => { this.look("orbit"); this.home(); });
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => { this.drawing.build(); this.ask(); });
  }

  /** The first view: the person's way from left to right, or the person from the front. */
  home() {
    const { scene, orbit } = this;
    const root = scene.tracks[0].root;
    const last = (scene.frames - 1) * 3;
    const [dx, dz] = [root[last] - root[0], root[last + 2] - root[2]];
    const [[x0, x1], [z0, z1]] = [bounds([column(root, 0)]), bounds([column(root, 2)])];
    const extent = Math.hypot(x1 - x0, z1 - z0);
    orbit.yaw = Math.hypot(dx, dz) > 0.6 ? Math.atan2(-dz, dx) + 0.45 : facing(scene.tracks[0]) + 0.5;
    orbit.pitch = 0.3;
    this.follow(extent > 5);
    orbit.distance = this.follows ? 5.5 : clamp(3.6 + 1.25 * extent, 4.2, 11);
    orbit.target = this.follows ? [0, 0.85, 0] : [(x0 + x1) / 2, 0.8, (z0 + z1) / 2];
    this.ask();
  }

  look(view) {
    if (view === this.view && view !== "top") return;
    this.view = view;
    for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", button.dataset.view === view);
    this.element.classList.toggle("through", view === "camera");
    if (view === "top") this.above();
    else if (view === "orbit" && this.orbit.pitch > 1.5) this.home();
    this.ask();
  }

  above() {
    const { scene, orbit } = this;
    const every = [...scene.tracks, ...(scene.truth ? [scene.truth] : [])].map((track) => track.root);
    const places = [...every, ...(this.shown("camera") ? [scene.cameras[0].position] : [])];
    const [x0, x1] = bounds(places.map((list) => column(list, 0)));
    const [z0, z1] = bounds(places.map((list) => column(list, 2)));
    const aspect = this.element.clientWidth / this.element.clientHeight;
    this.follow(false);
    orbit.yaw = 0;
    orbit.pitch = 1.57;
    orbit.target = [(x0 + x1) / 2, 0, (z0 + z1) / 2];
    orbit.distance = 1.2 + Math.max((x1 - x0) / Math.max(aspect, 1), z1 - z0, 2) / (2 * Math.tan(orbit.fov / 2)) * 1.35;
  }

  follow(on) {
    if (on !== Boolean(this.follows)) {
      const at = this.centres.subarray(this.frame * 3, this.frame * 3 + 3);
      const sign = on ? -1 : 1; // the picture stays where it is at the moment of the change
      this.orbit.target = [this.orbit.target[0] + sign * at[0], this.orbit.target[1], this.orbit.target[2] + sign * at[2]];
    }
    this.follows = on;
    document.getElementById("follow").setAttribute("aria-pressed", on);
    this.ask();
  }

  show(frame) {
    this.frame = frame;
    this.ask();
  }

  /** Draw soon, once, however often it is asked for. */
  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.draw(); });
  }

  draw() {
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    if (!width || !height) return;
    for (const canvas of [this.canvas, this.overlay.canvas]) {
      const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
      if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
    }
    const { scene } = this;
    const through = this.view === "camera" && scene.cameras.length > 0;
    const image = this.shown("video") ? this.imageOf(this.frame) : null;
    const rect = through ? fitting(scene.size, width * scale, height * scale) : [0, 0, this.canvas.width, this.canvas.height];
    const at = this.centres.subarray(this.frame * 3, this.frame * 3 + 3);
    const eye = through ? this.through() : this.orbit.look(width / height, this.follows ? [at[0], 0, at[2]] : [0, 0, 0]);
    const bodies = scene.tracks.flatMap((track, n) => (this.shown(`track${n}`) ? [{
      track, colour: this.colour(track), move: this.move(n), alpha: track.role === "initial" ? 0.45 : through && image ? 0.8 : 1,
    }] : []));
    const truths = !this.shown("truth") ? [] : this.spread ? bodies.map((body) => body.move) : [[0, 0, 0]];
    const cameras = through || !this.shown("camera") ? [] : scene.cameras.flatMap((camera) => {
      const n = scene.tracks.findIndex((track) => track.label === camera.track);
      const on = camera.role === "truth" ? this.shown("truth") : this.shown(`track${n}`);
      const colour = { truth: "truth", final: "camera" }[camera.role] ?? this.colour(scene.tracks[n] ?? camera);
      return on ? [{ camera, colour: this.palette[colour], move: this.move(n), alpha: camera.role === "final" ? 1 : 0.55 }] : [];
    });
    const reach = Math.max(12, this.orbit.distance * 2.2);
    this.drawing.draw({
      frame: this.frame, clip: eye.clip, eye: eye.eye, rect, scale, bodies, truths, cameras, through, image,
      palette: this.palette, ground: { centre: [eye.target[0], 0, eye.target[2]], reach },
      light: { uSky: this.palette.sky.slice(0, 3), uEarth: this.palette.earth.slice(0, 3) },
    });
    this.beneath(through && image, rect, scale, height);
    this.above2d(through, rect, scale);
  }

  through() {
    const camera = this.scene.cameras[0];
    const { view, lens, eye } = viewThrough(camera, this.frame, this.scene.size, 0.05, 400);
    const at = this.centres.subarray(this.frame * 3, this.frame * 3 + 3);
    return { clip: times(lens, view), eye, target: [at[0], 0, at[2]] };
  }

  /** Sideways, where results stand apart: across the first one's way. */
  move(n) {
    const rows = this.scene.tracks.filter((track) => track.role === "row").length;
    if (!this.spread || n < 0) return [0, 0, 0];
    const root = this.scene.tracks[0].root;
    const last = (this.scene.frames - 1) * 3;
    const way = [root[last] - root[0], root[last + 2] - root[2]];
    const size = Math.hypot(...way);
    const side = size > 0.6 ? [way[1] / size, -way[0] / size] : [1, 0];
    const far = 1.3 * (n - (rows - 1) / 2);
    return [side[0] * far, 0, side[1] * far];
  }

  imageOf(frame) {
    const { every, urls } = this.scene.images;
    const n = Math.min(Math.floor(frame / every), urls.length - 1);
    for (const k of [n, (n + 1) % urls.length]) // the next one, too, so that it is there in time
      if (!this.images[k]) {
        const image = new Image();
        image.onload = () => { image.whole = true; if (this.imageNow === k) this.ask(); };
        image.src = urls[k];
        this.images[k] = image;
      }
    this.imageNow = n;
    if (this.images[n].whole) this.imageLast = this.images[n];
    return this.imageLast ?? null;
  }

  /** The video's frame behind the body that its camera sees. */
  beneath(image, rect, scale, height) {
    const behind = document.getElementById("image");
    behind.hidden = !image;
    if (!image) return;
    if (behind.src !== image.src) behind.src = image.src;
    const box = { left: rect[0], top: height * scale - rect[1] - rect[3], width: rect[2], height: rect[3] };
    for (const [key, value] of Object.entries(box)) behind.style[key] = `${value / scale}px`;
  }

  /** Keypoints and the edge of the image, over the body that its camera sees. */
  above2d(through, rect, scale) {
    const { overlay: pen, scene } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, pen.canvas.width, pen.canvas.height);
    if (!through) return;
    pen.translate(rect[0], pen.canvas.height - rect[1] - rect[3]);
    pen.strokeStyle = this.palette.edge;
    pen.lineWidth = scale;
    pen.strokeRect(0, 0, rect[2], rect[3]);
    if (!scene.keypoints || !this.shown("keypoints")) return;
    const J = scene.keypoints.names.length;
    const zoom = rect[2] / scene.size[0];
    for (let j = 0; j < J; j++) {
      const n = this.frame * J + j;
      const sure = scene.keypoints.confidence[n] / 255;
      if (sure < 0.05) continue;
      pen.beginPath();
      pen.arc(scene.keypoints.pixels[n * 2] * zoom, scene.keypoints.pixels[n * 2 + 1] * zoom, 3 * scale, 0, 2 * Math.PI);
      pen.globalAlpha = 0.35 + 0.65 * sure;
      pen.fillStyle = "#F0E442";
      pen.fill();
      pen.strokeStyle = "#222";
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }
}
