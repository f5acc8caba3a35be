// The same frame on a plain canvas, where there is no WebGL2: skeletons, paths and a grid as lines.

class FlatDrawing {
  constructor(canvas, scene) {
    this.scene = scene;
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
  }

  draw(shot) {
    const { pen, canvas, scene } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.translate(shot.rect[0], canvas.height - shot.rect[1] - shot.rect[3]);
    pen.lineCap = "round";
    const ink = ([r, g, b, a]) => `rgba(${255 * r},${255 * g},${255 * b},${a})`;
    const place = (p, move) => {
      const [x, y, w] = projected(shot.clip, p[0] + move[0], p[1] + move[1], p[2] + move[2]);
      return w > 0.05 ? [(0.5 + 0.5 * x) * shot.rect[2], (0.5 - 0.5 * y) * shot.rect[3]] : null;
    };
    const stroke = (points, move, colour, width) => {
      pen.beginPath();
      let down = false;
      for (const p of points) {
        const at = Number.isFinite(p[0]) ? place(p, move) : null;
        if (at) pen[down ? "lineTo" : "moveTo"](...at);
        down = Boolean(at);
      }
      pen.strokeStyle = ink(colour);
      pen.lineWidth = width * shot.scale;
      pen.stroke();
    };
    const still = [0, 0, 0];
    const { centre, reach } = shot.ground;
    const most = Math.min(Math.ceil(reach), 24);
    const middle = [Math.round(centre[0]), Math.round(centre[2])];
    for (let k = -most; k <= most && !(shot.through && shot.image); k++) {
      const steps = Array.from({ length: 2 * most + 1 }, (_, i) => i - most);
      const grid = [...shot.palette.grid.slice(0, 3), (k % 5 ? 0.25 : 0.6) * shot.palette.grid[3]];
      stroke(steps.map((i) => [middle[0] + k, 0, middle[1] + i]), still, grid, 0.6);
      stroke(steps.map((i) => [middle[0] + i, 0, middle[1] + k]), still, grid, 0.6);
    }
    const path = (root, height, last) => Array.from({ length: last }, (_, t) => [root[t * 3], height ?? root[t * 3 + 1], root[t * 3 + 2]]);
    const figure = (part, move, colour, width) => {
      stroke(path(part.root, 0, shot.frame + 1), move, colour, 0.5 * width);
      const ends = bonesBetween(scene.bones, part.joints, shot.frame);
      for (let k = 0; k < ends.length; k += 6) stroke([ends.slice(k, k + 3), ends.slice(k + 3, k + 6)], move, colour, width);
    };
    for (const { track, move, alpha, colour } of shot.bodies)
      figure(track, move, [...shot.palette[colour].slice(0, 3), alpha < 1 ? 0.5 : 1], 6);
    for (const move of shot.truths) figure(scene.truth, move, shot.palette.truth, 2.5);
    for (const { camera, colour, move, alpha } of shot.cameras) {
      const tint = [...colour.slice(0, 3), alpha];
      stroke(path(camera.position, null, scene.frames), move, [...colour.slice(0, 3), 0.35 * alpha], 1.5);
      const corners = frustum(camera, shot.frame, scene.size, 0.45);
      const C = camera.position.subarray(shot.frame * 3, shot.frame * 3 + 3);
      corners.forEach((p, k) => stroke([C, p, corners[(k + 1) % 4]], move, tint, 1.8));
    }
  }
}
