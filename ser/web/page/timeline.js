// The recording from left to right: answers, waveform, log-mel, probabilities; zoom, and the position in it.

import { $, clock, element, length, swatch, verdict } from "./words.js";

const SHORTEST_VIEW_S = 1;
const ZOOM = 2;

let answer = null;
let picture = null;
let logmel = null; // the log-mel as an image of a pixel a column and band
let view = { from: 0, to: 1 }; // what is shown, in seconds
let position = 0;
let following = 0; // the request for the next picture of the cursor
let told = null; // the whole second that a screen reader was told last, while it plays

export function prepareTimeline() {
  for (const kind of ["play", "pause", "seeked"]) $("audio").addEventListener(kind, follow);
  $("cursor").addEventListener("keydown", keyed);
  $("stack").addEventListener("pointerdown", pointed);
  $("stack").addEventListener("click", () => $("cursor").focus({ preventScroll: true }));
  $("stack").addEventListener("wheel", wheeled, { passive: false });
  $("zoom-in").addEventListener("click", () => zoom(ZOOM));
  $("zoom-out").addEventListener("click", () => zoom(1 / ZOOM));
  $("zoom-all").addEventListener("click", () => lookAt(0, answer.duration_s));
  $("earlier").addEventListener("click", () => shift(-0.5));
  $("later").addEventListener("click", () => shift(0.5));
  new ResizeObserver(draw).observe($("stack"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

export function showTimeline(shown, drawn) {
  [answer, picture] = [shown, drawn];
  logmel = imageOf(picture);
  const long = Boolean(answer.segments);
  for (const id of ["strip", "strip-label", "timeline", "timeline-labels", "legend"]) $(id).hidden = !long;
  const rows = [...Object.keys(answer.probabilities), "not sure"];
  $("timeline-labels").replaceChildren(...rows.map((it) => element("span", "", {}, swatch(it), it)));
  $("band").textContent = `${picture.lowest_hz} to ${picture.highest_hz}\u00a0Hz`;
  $("cursor").setAttribute("aria-valuemax", answer.duration_s.toFixed(1));
  moveTo(0);
  lookAt(0, answer.duration_s);
}

// --- What is shown ----------------------------------------------------------------------------------------

function lookAt(from, to) {
  const whole = answer.duration_s;
  const size = Math.min(Math.max(to - from, SHORTEST_VIEW_S), whole);
  const begin = Math.max(0, Math.min(from, whole - size));
  view = { from: begin, to: begin + size };
  const zoomed = size < whole;
  for (const id of ["zoom-out", "zoom-all", "earlier", "later"]) $(id).setAttribute("aria-disabled", String(!zoomed));
  $("zoom-in").setAttribute("aria-disabled", String(size <= SHORTEST_VIEW_S));
  $("shown").textContent = zoomed ? `${clock(view.from, 1)} to ${clock(view.to, 1)} of ${clock(whole, 1)}` : "";
  $("ticks").replaceChildren(...ticks());
  showPosition();
  draw();
}

// Around the position where that is in sight, else around the middle.
function zoom(factor, around = inSight(position) ? position : (view.from + view.to) / 2) {
  const share = (around - view.from) / (view.to - view.from);
  const size = Math.min((view.to - view.from) / factor, answer.duration_s);
  lookAt(around - share * size, around + (1 - share) * size);
}

function shift(views) {
  const far = views * (view.to - view.from);
  lookAt(view.from + far, view.to + far);
}

const inSight = (seconds) => view.from <= seconds && seconds <= view.to;
const placeOf = (seconds) => (seconds - view.from) / (view.to - view.from);

function wheeled(event) {
  const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
  // What browsers make of two fingers on a touchpad is a wheel with Ctrl.
  if (event.ctrlKey || event.metaKey) zoom(2 ** (-event.deltaY / 200), secondsAt(event));
  else if (Math.abs(sideways) > (event.shiftKey ? 0 : Math.abs(event.deltaY))) shift(sideways / 800);
  else return;
  event.preventDefault();
}

function ticks() {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];
  const room = $("stack").clientWidth < 480 ? 4 : 8;
  const size = view.to - view.from;
  const step = steps.find((it) => size / it <= room) ?? 7200;
  const made = [];
  for (let number = Math.ceil(view.from / step - 1e-9); number * step < view.from + size * 0.97; number++) {
    const tick = element("span", clock(number * step, step < 1 ? 1 : 0));
    tick.style.setProperty("--at", placeOf(number * step));
    made.push(tick);
  }
  return made;
}

// --- Pictures ---------------------------------------------------------------------------------------------

function draw() {
  if (!answer || $("result").hidden) return;
  drawWaveform();
  drawLogmel();
  if (!answer.segments) return;
  drawStrip();
  drawProbabilities();
}

// A canvas of as many pixels as the screen gives it.
function prepared(id) {
  const canvas = $(id);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  return { context: canvas.getContext("2d"), width: canvas.width, height: canvas.height, ratio };
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Left and right of a stretch in pixels; null where it is out of sight.
function edges({ start_s, end_s }, width) {
  if (end_s <= view.from || start_s >= view.to) return null;
  const left = Math.round(placeOf(start_s) * width);
  return [left, Math.max(Math.round(placeOf(end_s) * width), left + 1)];
}

function drawWaveform() {
  const { context, width, height } = prepared("waveform");
  const { low, high, column_s } = picture;
  const loudest = Math.max(low.reduce((most, it) => Math.max(most, -it), 1e-4), high.reduce((most, it) => Math.max(most, it), 0));
  const scale = (0.48 * height) / loudest;
  const step = (column_s / (view.to - view.from)) * width;
  context.fillStyle = colour("accent");
  const first = Math.max(0, Math.floor(view.from / column_s));
  const last = Math.min(low.length, Math.ceil(view.to / column_s));
  for (let place = first; place < last; place++) {
    const top = height / 2 - high[place] * scale;
    const left = placeOf(place * column_s) * width;
    context.fillRect(left, top, Math.max(step, 1), Math.max((high[place] - low[place]) * scale, 1));
  }
}

// Dark to bright in even steps of lightness: black, violet, red, orange, pale yellow.
const HEAT = [[0, 0, 4], [59, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]];

function heat(byte) {
  const at = (byte / 255) * (HEAT.length - 1);
  const below = Math.min(Math.floor(at), HEAT.length - 2);
  return HEAT[below].map((value, channel) => value + (at - below) * (HEAT[below + 1][channel] - value));
}

function imageOf({ levels, bands }) {
  const bytes = Uint8Array.from(atob(levels), (it) => it.charCodeAt(0));
  const columns = bytes.length / bands;
  const small = new OffscreenCanvas(columns, bands);
  const image = new ImageData(columns, bands);
  bytes.forEach((byte, place) => {
    const row = bands - 1 - (place % bands);
    image.data.set([...heat(byte), 255], 4 * (row * columns + Math.floor(place / bands)));
  });
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

function drawLogmel() {
  const { context, width, height } = prepared("logmel");
  const from = view.from / picture.column_s;
  const columns = (view.to - view.from) / picture.column_s;
  const there = Math.min(columns, logmel.width - from);
  context.drawImage(logmel, from, 0, there, logmel.height, 0, 0, (there / columns) * width, height);
}

function drawStrip() {
  const { context, width, height, ratio } = prepared("strip");
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  for (const it of answer.stretches) {
    const found = edges(it, width);
    if (!found) continue;
    const [left, right] = found;
    const word = it.uncertain ? "not sure" : it.emotion;
    context.fillStyle = it.uncertain ? stripes(context, ratio) : colour(it.emotion);
    context.fillRect(left, 0, Math.max(right - left - ratio, 1), height);
    if (context.measureText(word).width > right - left - 8 * ratio) continue;
    context.fillStyle = it.uncertain ? colour("ink") : colour(`on-${it.emotion}`);
    context.fillText(word, left + 4 * ratio, height / 2);
  }
}

function stripes(context, ratio) {
  const size = 8 * ratio;
  const tile = new OffscreenCanvas(size, size);
  const lines = tile.getContext("2d");
  lines.strokeStyle = colour("line");
  lines.lineWidth = 2 * ratio;
  for (const shift of [-size, 0, size]) {
    lines.moveTo(shift - ratio, size + ratio);
    lines.lineTo(shift + size + ratio, -ratio);
  }
  lines.stroke();
  return context.createPattern(tile, "repeat");
}

function drawProbabilities() {
  const { context, width, height, ratio } = prepared("timeline");
  const emotions = Object.keys(answer.probabilities);
  const colours = emotions.map(colour);
  const row = height / (emotions.length + 1);
  for (const it of answer.segments) {
    const found = edges(it, width);
    if (!found) continue;
    const [left, right] = found;
    emotions.forEach((emotion, place) => {
      context.fillStyle = colours[place];
      context.globalAlpha = it.probabilities[emotion];
      context.fillRect(left, place * row, right - left, row);
    });
    context.globalAlpha = 1;
    context.fillStyle = colour("muted");
    if (it.uncertain) context.fillRect(left, (emotions.length + 0.3) * row, right - left, 0.4 * row);
  }
  context.fillStyle = colour("line");
  emotions.forEach((_, place) => context.fillRect(0, Math.round((place + 1) * row), width, ratio));
}

// --- Position ---------------------------------------------------------------------------------------------

export function moveTo(seconds) {
  position = Math.max(0, Math.min(seconds, answer.duration_s));
  if (!$("audio").hidden) $("audio").currentTime = position;
  keepInSight();
  showPosition();
  tellPosition();
}

function keepInSight() {
  if (inSight(position)) return;
  const size = view.to - view.from;
  lookAt(position - 0.1 * size, position + 0.9 * size);
}

function heardHere() {
  const piece = answer.segments?.find((it) => it.start_s <= position && position < it.end_s);
  return piece ? `: ${verdict(piece)}` : answer.segments ? ": no speech" : "";
}

function showPosition() {
  $("cursor").style.setProperty("--at", placeOf(position));
  $("cursor").classList.toggle("out-of-sight", !inSight(position));
  $("moment").textContent = answer.segments ? `At ${clock(position, 1)}${heardHere()}` : "";
}

function tellPosition() {
  told = Math.floor(position);
  $("cursor").setAttribute("aria-valuenow", position.toFixed(1));
  $("cursor").setAttribute("aria-valuetext", `${length(position)}${heardHere()}`);
}

function follow() {
  cancelAnimationFrame(following);
  if (!answer) return;
  position = $("audio").currentTime;
  if (!$("audio").paused) keepInSight();
  showPosition();
  // Not every picture of the cursor is worth speaking of.
  if ($("audio").paused || Math.floor(position) !== told) tellPosition();
  if (!$("audio").paused) following = requestAnimationFrame(follow);
}

function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const far = Math.max(1, (view.to - view.from) / 20);
  const moves = { ArrowLeft: -0.5, ArrowDown: -0.5, ArrowRight: 0.5, ArrowUp: 0.5, PageUp: far, PageDown: -far };
  const zooms = { "+": ZOOM, "=": ZOOM, "-": 1 / ZOOM, 0: 0 };
  if (event.key in moves) moveTo(position + moves[event.key]);
  else if (event.key in zooms) zooms[event.key] ? zoom(zooms[event.key]) : lookAt(0, answer.duration_s);
  else if (event.key === "Home") moveTo(0);
  else if (event.key === "End") moveTo(answer.duration_s);
  else if (event.key !== " ") return;
  else if ($("audio").paused) $("audio").play().catch(() => {});
  else $("audio").pause();
  event.preventDefault();
}

function secondsAt(event) {
  const { left, width } = $("waveform").getBoundingClientRect();
  return view.from + Math.max(0, (event.clientX - left) / width) * (view.to - view.from);
}

function pointed(event) {
  if (event.clientX >= $("waveform").getBoundingClientRect().left) moveTo(secondsAt(event));
}
