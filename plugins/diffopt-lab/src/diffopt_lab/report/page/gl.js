// Draws a frame with WebGL2: skinned bodies, their shadows, the ground, paths, cameras, the true skeleton.

class Drawing {
  constructor(canvas, scene) {
    this.scene = scene;
    this.gl = canvas.getContext("webgl2", { antialias: true, stencil: true, alpha: true });
    if (!this.gl) throw new Error("no WebGL2");
    this.build();
  }

  build() {
    const { gl, scene } = this;
    this.programs = Object.fromEntries(Object.entries(SHADERS).map(([name, pair]) => [name, this.program(name, ...pair)]));
    this.meshes = scene.surfaces.map((surface) => this.mesh(surface));
    this.corners = this.buffer(new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]));
    const tube = capsule(12, 4);
    this.tube = { count: tube.faces.length, corners: this.buffer(tube.corners), faces: this.buffer(tube.faces, gl.ELEMENT_ARRAY_BUFFER) };
    this.loose = gl.createBuffer(); // points of this frame
    const paths = [...scene.tracks, ...(scene.truth ? [scene.truth] : [])];
    this.paths = new Map(paths.map((track) => [track, this.buffer(grounded(track.root, 0.008))]));
    this.rails = new Map(scene.cameras.map((camera) => [camera, this.buffer(camera.position)]));
    this.lineArray = gl.createVertexArray();
    this.boneArray = gl.createVertexArray();
    this.imageArray = gl.createVertexArray();
    this.texture = null;
    this.matrices = new Float32Array(24 * 12);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.depthFunc(gl.LEQUAL);
  }

  program(name, vertex, fragment) {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
        throw new Error(`shader ${name}: ${gl.getShaderInfoLog(shader)}`);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
      throw new Error(`shader ${name}: ${gl.getProgramInfoLog(program)}`);
    const where = {};
    for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
      const known = gl.getActiveUniform(program, i).name.replace("[0]", "");
      where[known] = gl.getUniformLocation(program, known);
    }
    return { program, where };
  }

  buffer(values, target = this.gl.ARRAY_BUFFER) {
    const buffer = this.gl.createBuffer();
    this.gl.bindVertexArray(null);
    this.gl.bindBuffer(target, buffer);
    this.gl.bufferData(target, values, this.gl.STATIC_DRAW);
    return buffer;
  }

  mesh(surface) {
    const { gl } = this;
    const parts = [surface.vertices, surface.normals, surface.joints, surface.weights].map((part) => this.buffer(part));
    const faces = this.buffer(surface.faces, gl.ELEMENT_ARRAY_BUFFER);
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const layouts = [[gl.SHORT, false, 8], [gl.BYTE, true, 4], null, [gl.UNSIGNED_BYTE, true, 4]];
    parts.forEach((part, place) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, part);
      gl.enableVertexAttribArray(place);
      if (layouts[place]) gl.vertexAttribPointer(place, place < 2 ? 3 : 4, layouts[place][0], layouts[place][1], layouts[place][2], 0);
      else gl.vertexAttribIPointer(place, 4, gl.UNSIGNED_BYTE, 4, 0);
    });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, faces);
    gl.bindVertexArray(null);
    const wide = surface.faces instanceof Uint32Array;
    return { array, count: surface.faces.length, type: wide ? gl.UNSIGNED_INT : gl.UNSIGNED_SHORT, step: surface.step };
  }

  use(name, values) {
    const { gl } = this;
    const { program, where } = this.programs[name];
    gl.useProgram(program);
    const all = { uClip: this.shot.clip, uEye: this.shot.eye, uMove: [0, 0, 0], uFlat: false, ...this.shot.light, ...values };
    for (const [key, value] of Object.entries(all)) {
      const at = where[key];
      if (at === undefined) continue;
      if (key === "uClip") gl.uniformMatrix4fv(at, false, value);
      else if (key === "uBone") gl.uniform4fv(at, value);
      else if (typeof value === "boolean" || key === "uImage") gl.uniform1i(at, value);
      else if (typeof value === "number") gl.uniform1f(at, value);
      else gl[`uniform${value.length}fv`](at, value);
    }
  }

  /** shot: frame, clip, eye, rect (x, y, w, h of the drawing buffer), scale (its pixels to one of the page), light,
      palette, bodies [{ track, move, alpha }], truths [move], cameras, through, image. */
  draw(shot) {
    const { gl } = this;
    if (gl.isContextLost()) return;
    this.shot = shot;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.depthMask(true);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    gl.viewport(...shot.rect);
    gl.enable(gl.DEPTH_TEST);
    gl.depthMask(false);
    if (!shot.image || !shot.through) this.ground();
    this.shadows();
    this.groundPaths();
    gl.depthMask(true);
    for (const body of shot.bodies.filter((one) => one.alpha >= 1)) this.body(body, shot.palette[body.colour], 1);
    for (const move of shot.truths) this.skeleton(move, shot.palette.truth);
    this.cameras();
    for (const body of shot.bodies.filter((one) => one.alpha < 1)) this.ghost(body);
  }

  ground() {
    const { gl, shot } = this;
    gl.bindVertexArray(this.lineArray);
    this.attribute(0, this.corners, 2, 8, 0, 0);
    for (const place of [1, 2]) gl.disableVertexAttribArray(place);
    this.use("ground", { uCentre: shot.ground.centre, uReach: shot.ground.reach, uColour: shot.palette.grid, uFloor: shot.palette.floor });
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  shadows() {
    const { gl, shot } = this;
    gl.enable(gl.STENCIL_TEST); // each place once, or a limb before another would be twice as dark
    gl.stencilFunc(gl.EQUAL, 0, 255);
    gl.stencilOp(gl.KEEP, gl.KEEP, gl.INCR);
    const flat = { uFlat: true, uColour: shot.palette.shadow };
    for (const body of shot.bodies) if (body.alpha >= 1) this.skin(body, flat);
    if (!shot.bodies.some((one) => one.alpha >= 1)) for (const move of shot.truths) this.bones(move, flat);
    gl.disable(gl.STENCIL_TEST);
  }

  groundPaths() {
    const { shot } = this;
    const along = (source, move, colour, width) => {
      const path = this.paths.get(source);
      const count = this.scene.frames - 1;
      const faint = [...colour.slice(0, 3), 0.28 * colour[3]];
      this.line(path, count, 12, { uColour: faint, uWidth: width * shot.scale, uMove: move });
      this.line(path, Math.min(shot.frame, count), 12, { uColour: colour, uWidth: width * shot.scale, uMove: move });
    };
    for (const move of shot.truths) along(this.scene.truth, move, shot.palette.truth, 2);
    for (const body of shot.bodies) along(body.track, body.move, shot.palette[body.colour], body.alpha < 1 ? 2 : 3.5);
  }

  skin(body, values) {
    const { gl } = this;
    const mesh = this.meshes[body.track.surface];
    gl.bindVertexArray(mesh.array);
    this.use("skin", { uBone: bonesOf(body.track, this.shot.frame, this.matrices), uStep: mesh.step, uMove: body.move, ...values });
    gl.drawElements(gl.TRIANGLES, mesh.count, mesh.type, 0);
  }

  body(body, colour, alpha) {
    this.skin(body, { uColour: [...colour.slice(0, 3), alpha] });
  }

  /** A see-through body: its nearest surface only. */
  ghost(body) {
    const { gl, shot } = this;
    gl.colorMask(false, false, false, false);
    this.body(body, shot.palette[body.colour], 1);
    gl.colorMask(true, true, true, true);
    this.body(body, shot.palette[body.colour], body.alpha);
  }

  skeleton(move, colour) {
    this.bones(move, { uColour: colour });
  }

  bones(move, values) {
    const { gl, scene } = this;
    const ends = bonesBetween(scene.bones, scene.truth.joints, this.shot.frame);
    if (!ends.length) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.loose);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(ends), gl.DYNAMIC_DRAW);
    gl.bindVertexArray(this.boneArray);
    this.attribute(0, this.tube.corners, 3, 12, 0, 0);
    this.attribute(1, this.loose, 3, 24, 0, 1);
    this.attribute(2, this.loose, 3, 24, 12, 1);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.tube.faces);
    this.use("bone", { uRadius: 0.02, uMove: move, ...values });
    gl.drawElementsInstanced(gl.TRIANGLES, this.tube.count, gl.UNSIGNED_SHORT, 0, ends.length / 6);
  }

  cameras() {
    const { gl, shot, scene } = this;
    for (const { camera, colour, move, alpha } of shot.cameras) {
      const rail = this.rails.get(camera);
      const faint = [...colour.slice(0, 3), 0.3 * alpha];
      this.line(rail, scene.frames - 1, 12, { uColour: faint, uWidth: 1.5 * shot.scale, uMove: move });
      this.line(rail, Math.min(shot.frame, scene.frames - 1), 12, { uColour: [...colour.slice(0, 3), alpha], uWidth: 1.5 * shot.scale, uMove: move });
      const corners = frustum(camera, shot.frame, scene.size, 0.45);
      const C = [...camera.position.subarray(shot.frame * 3, shot.frame * 3 + 3)];
      if (camera === scene.cameras[0] && shot.image) this.picture(corners, move, 0.92);
      const ends = corners.flatMap((p, k) => [...C, ...p, ...p, ...corners[(k + 1) % 4]]);
      gl.bindBuffer(gl.ARRAY_BUFFER, this.loose);
      gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(ends), gl.DYNAMIC_DRAW);
      this.line(this.loose, 8, 24, { uColour: [...colour.slice(0, 3), alpha], uWidth: 1.8 * shot.scale, uMove: move });
    }
  }

  /** The video's frame as a screen between four corners. */
  picture(corners, move, alpha) {
    const { gl } = this;
    if (this.texture?.of !== this.shot.image) {
      this.texture ??= { id: gl.createTexture() };
      gl.bindTexture(gl.TEXTURE_2D, this.texture.id);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, this.shot.image);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      this.texture.of = this.shot.image;
    }
    const [a, b, c, d] = corners;
    const points = [...a, 0, 0, ...b, 1, 0, ...d, 0, 1, ...c, 1, 1];
    gl.bindTexture(gl.TEXTURE_2D, this.texture.id);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.loose);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(points), gl.DYNAMIC_DRAW);
    gl.bindVertexArray(this.imageArray);
    this.attribute(0, this.loose, 3, 20, 0, 0);
    this.attribute(1, this.loose, 2, 20, 12, 0);
    this.use("image", { uImage: 0, uAlpha: alpha, uMove: move });
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /** So many pieces; one begins every ``stride`` bytes (12: a path of points, 24: pairs). */
  line(points, count, stride, values) {
    const { gl, shot } = this;
    if (count < 1) return;
    gl.bindVertexArray(this.lineArray);
    this.attribute(0, this.corners, 2, 8, 0, 0);
    this.attribute(1, points, 3, stride, 0, 1);
    this.attribute(2, points, 3, stride, 12, 1);
    // Ends reach over one another where that cannot be seen: not in a see-through line.
    this.use("line", { uSize: [shot.rect[2], shot.rect[3]], uCap: values.uColour[3] < 1 ? 0 : 0.6, ...values });
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
  }

  attribute(place, buffer, size, stride, offset, divisor) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, gl.FLOAT, false, stride, offset);
    gl.vertexAttribDivisor(place, divisor);
  }
}
