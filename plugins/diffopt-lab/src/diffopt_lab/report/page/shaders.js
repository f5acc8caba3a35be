// What runs on the graphics card. Colours leave multiplied by their opacity.

const LIGHT = `
uniform vec3 uEye; uniform vec4 uColour; uniform vec3 uSky; uniform vec3 uEarth;
vec4 lit(vec3 n, vec3 at) {
  vec3 v = normalize(uEye - at);
  if (dot(n, v) < 0.0) n = -n;
  vec3 key = normalize(vec3(0.45, 0.9, 0.35));
  float wrap = max(0.0, (dot(n, key) + 0.35) / 1.35);
  vec3 hemisphere = mix(uEarth, uSky, 0.5 + 0.5 * n.y);
  float shine = pow(max(0.0, dot(n, normalize(key + v))), 40.0);
  float edge = pow(1.0 - max(0.0, dot(n, v)), 3.0);
  vec3 clay = mix(uColour.rgb, vec3(0.9), 0.16);
  vec3 c = clay * (0.8 * hemisphere + 0.62 * wrap) + 0.10 * shine + edge * 0.22 * uSky;
  return vec4(c * uColour.a, uColour.a);
}`;

const SHADOW = `
const vec3 SUN = vec3(0.35, 1.0, 0.25);
vec3 onGround(vec3 p) { return vec3(p.xz - SUN.xz * max(p.y, 0.0), 0.004).xzy; }`;

const SHADERS = {
  skin: [`#version 300 es
layout(location=0) in vec3 aPlace; layout(location=1) in vec3 aNormal;
layout(location=2) in uvec4 aJoint; layout(location=3) in vec4 aWeight;
uniform mat4 uClip; uniform vec4 uBone[72]; uniform float uStep; uniform bool uFlat; uniform vec3 uMove;
out vec3 vNormal; out vec3 vAt;
${SHADOW}
void main() {
  vec4 p = vec4(aPlace * uStep, 1.0); vec3 at = vec3(0.0); vec3 n = vec3(0.0);
  for (int k = 0; k < 4; k++) {
    int j = 3 * int(aJoint[k]); float w = aWeight[k];
    at += w * vec3(dot(uBone[j], p), dot(uBone[j + 1], p), dot(uBone[j + 2], p));
    n += w * vec3(dot(uBone[j].xyz, aNormal), dot(uBone[j + 1].xyz, aNormal), dot(uBone[j + 2].xyz, aNormal));
  }
  at += uMove; vAt = at; vNormal = n;
  gl_Position = uClip * vec4(uFlat ? onGround(at) : at, 1.0);
}`, `#version 300 es
precision highp float; in vec3 vNormal; in vec3 vAt; out vec4 oColour; uniform bool uFlat;
${LIGHT}
void main() { oColour = uFlat ? vec4(uColour.rgb * uColour.a, uColour.a) : lit(normalize(vNormal), vAt); }`],

  // A ball and tube between two points: a corner's y says which end, the rest is a unit sphere.
  bone: [`#version 300 es
layout(location=0) in vec3 aPlace; layout(location=1) in vec3 aFrom; layout(location=2) in vec3 aTo;
uniform mat4 uClip; uniform float uRadius; uniform bool uFlat; uniform vec3 uMove;
out vec3 vNormal; out vec3 vAt;
${SHADOW}
void main() {
  vec3 along = aTo - aFrom; float size = length(along); vec3 y = size > 1e-5 ? along / size : vec3(0.0, 1.0, 0.0);
  vec3 x = normalize(abs(y.y) < 0.9 ? cross(y, vec3(0.0, 1.0, 0.0)) : cross(y, vec3(1.0, 0.0, 0.0)));
  vec3 n = aPlace.x * x + aPlace.y * y + aPlace.z * cross(x, y);
  vec3 at = (aPlace.y < 0.0 ? aFrom : aTo) + uRadius * n + uMove; vAt = at; vNormal = n;
  gl_Position = uClip * vec4(uFlat ? onGround(at) : at, 1.0);
}`, `#version 300 es
precision highp float; in vec3 vNormal; in vec3 vAt; out vec4 oColour; uniform bool uFlat;
${LIGHT}
void main() { oColour = uFlat ? vec4(uColour.rgb * uColour.a, uColour.a) : lit(normalize(vNormal), vAt); }`],

  // A line of a width in pixels; each piece is a quad that faces the eye.
  line: [`#version 300 es
layout(location=0) in vec2 aCorner; layout(location=1) in vec3 aFrom; layout(location=2) in vec3 aTo;
uniform mat4 uClip; uniform vec2 uSize; uniform float uWidth; uniform float uCap; uniform vec3 uMove; out float vSide;
void main() {
  vec4 a = uClip * vec4(aFrom + uMove, 1.0), b = uClip * vec4(aTo + uMove, 1.0);
  float near = 0.02;
  if (a.w < near && b.w < near) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
  if (a.w < near) a = mix(b, a, (b.w - near) / (b.w - a.w));
  if (b.w < near) b = mix(a, b, (a.w - near) / (a.w - b.w));
  vec2 way = (b.xy / b.w - a.xy / a.w) * uSize; float far = length(way);
  way = far > 1e-4 ? way / far : vec2(1.0, 0.0);
  vec4 p = aCorner.x < 0.0 ? a : b; float half_ = 0.5 * (uWidth + 1.0);
  vec2 shift = half_ * (vec2(-way.y, way.x) * aCorner.y + uCap * way * aCorner.x);
  p.xy += 2.0 * shift / uSize * p.w; p.z -= 2e-4 * p.w; vSide = aCorner.y * half_; gl_Position = p;
}`, `#version 300 es
precision highp float; in float vSide; out vec4 oColour; uniform vec4 uColour; uniform float uWidth;
void main() {
  float a = uColour.a * clamp(0.5 * (uWidth + 1.0) - abs(vSide), 0.0, 1.0);
  oColour = vec4(uColour.rgb * a, a);
}`],

  ground: [`#version 300 es
layout(location=0) in vec2 aCorner; uniform mat4 uClip; uniform vec3 uCentre; uniform float uReach; out vec2 vAt;
void main() { vAt = uCentre.xz + aCorner * uReach; gl_Position = uClip * vec4(vAt.x, 0.0, vAt.y, 1.0); }`,
  `#version 300 es
precision highp float; in vec2 vAt; out vec4 oColour;
uniform vec3 uCentre; uniform float uReach; uniform vec4 uColour; uniform vec4 uFloor;
float lines(vec2 p, float wide) {
  vec2 w = fwidth(p); vec2 d = abs(fract(p - 0.5) - 0.5) / max(w, vec2(1e-6));
  vec2 a = clamp(wide - d + 0.5, 0.0, 1.0) * clamp(0.7 / max(w * 2.0, vec2(1e-6)) - 0.5, 0.0, 1.0);
  return max(a.x, a.y);
}
void main() {
  float far = length(vAt - uCentre.xz) / uReach; float fade = smoothstep(1.0, 0.25, far);
  float grid = max(0.55 * lines(vAt, 0.5), lines(vAt / 5.0, 0.8));
  float a = fade * mix(uFloor.a, 1.0, grid * uColour.a);
  oColour = vec4(mix(uFloor.rgb, uColour.rgb, grid) * a, a);
}`],

  // The video's frame in the camera's frustum.
  image: [`#version 300 es
layout(location=0) in vec3 aPlace; layout(location=1) in vec2 aWhere; uniform mat4 uClip; uniform vec3 uMove;
out vec2 vWhere; void main() { vWhere = aWhere; gl_Position = uClip * vec4(aPlace + uMove, 1.0); }`,
  `#version 300 es
precision highp float; in vec2 vWhere; out vec4 oColour; uniform sampler2D uImage; uniform float uAlpha;
void main() { oColour = vec4(texture(uImage, vWhere).rgb * uAlpha, uAlpha); }`],
};
