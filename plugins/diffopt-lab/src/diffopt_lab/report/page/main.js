// Puts the page together, and hands keys to the player.

const buffer = readBlob(document.getElementById("blob").textContent);
const data = JSON.parse(document.getElementById("data").textContent);
const scene = readScene(data.scene, buffer);

/** The class of a colour: a role's, or one for each of several results. */
function colourOf(series) {
  if (series.role !== "row") return series.role;
  return `row${Math.max(0, scene.tracks.findIndex((track) => track.label === series.label)) % 8}`;
}

const stage = new Stage(scene, colourOf);
const player = new Player(scene, stage);
const page = { scene, colour: colourOf, frame: () => player.frame, seek: (frame) => { player.pause(); player.seek(frame); } };
const charts = data.charts.map((spec) => new CHARTS[spec.kind](readChart(spec, buffer), page));
document.getElementById("charts").append(...charts.map((chart) => chart.root));
player.listeners.push((frame) => { for (const chart of charts) chart.at(frame); });

const KEYS = {
  " ": () => player.toggle(),
  ArrowLeft: (event) => player.step(event.shiftKey ? -10 : -1),
  ArrowRight: (event) => player.step(event.shiftKey ? 10 : 1),
  Home: () => player.step(-scene.frames),
  End: () => player.step(scene.frames),
  1: () => stage.look("orbit"),
  2: () => stage.look("top"),
  3: () => { if (scene.cameras.length) stage.look("camera"); },
  f: () => stage.follow(!stage.follows),
  a: () => document.getElementById("apart").click(),
  "+": () => { stage.orbit.near(0.85); stage.ask(); },
  "-": () => { stage.orbit.near(1.18); stage.ask(); },
};

/** What has a use for some keys, or (no list) for all of them. */
const MOVES = ["ArrowLeft", "ArrowRight", "Home", "End"];
const OWN = [["select", null], ["input", MOVES], ["button, summary, a", [" "]], ["pre, .wide", [" ", ...MOVES]]];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const own = OWN.find(([selector]) => document.activeElement?.closest(selector));
  if (own && (!own[1] || own[1].includes(event.key))) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act(event);
});
