// The page of `ser serve`: takes a recording, asks the server, and shows what it answers. No library, nothing
// from elsewhere.

const $ = (id) => document.getElementById(id);
const TABLE_ROWS = 600;
const LONGEST_RECORDING_S = 600;
const LARGEST_DECODED_BYTES = 30e6;

let about = null; // of /api/about
let answer = null; // the last one, without its picture
let picture = null;
let opening = false; // while the browser asks whether the microphone may be used
let recording = null; // while the microphone is open
let asking = null; // the AbortController of a request under way
let played = null; // object URL of what the player has

// --- Words ------------------------------------------------------------------------------------------------

// With a space that does not break.
const percent = (share) => (share > 0 && share < 0.005 ? "<1\u00a0%" : `${Math.round(share * 100)}\u00a0%`);
const points = (share) => `${(share * 100).toFixed(1)}\u00a0%`;
const capital = (text) => text[0].toUpperCase() + text.slice(1);

function clock(seconds, digits = 0) {
  const rounded = Number(seconds.toFixed(digits));
  const rest = (rounded % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  const minutes = Math.floor(rounded / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

function length(seconds) {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds);
}

function say(text) {
  $("status").textContent = text;
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// --- Asking the server ------------------------------------------------------------------------------------

async function recognise(blob, name) {
  const limits = about?.limits;
  asking?.abort();
  if (limits && blob.size > limits.largest_bytes) {
    fail(`${name}: ${Math.ceil(blob.size / 1e6)} MB, but at most ${limits.largest_bytes / 1e6} MB are taken.`);
    return;
  }
  const mine = (asking = new AbortController());
  complain("");
  say(`Listening to ${name} …`);
  $("cancel").hidden = false;
  $("result").classList.add("former");
  try {
    await checkReadable(blob, name);
    const { content, heard } = await ask(blob, name, mine.signal);
    ({ picture, ...answer } = content);
    show(heard);
    say(`${name}: ${spokenVerdict(answer)}`);
  } catch (error) {
    if (mine.signal.aborted) {
      if (asking === mine) say("Cancelled.");
      return;
    }
    fail(error.message);
  } finally {
    if (asking === mine) {
      asking = null;
      // What is hidden would lose the keyboard's focus.
      if (document.activeElement === $("cancel")) $("file").focus();
      $("cancel").hidden = true;
      $("result").classList.remove("former");
    }
  }
}

// Instead of an answer: that of the file before must not be taken for one of this.
function fail(text) {
  say("");
  $("audio").pause();
  $("result").hidden = true;
  complain(text);
}

// A folder can be dropped, too; only reading tells.
async function checkReadable(blob, name) {
  try {
    await blob.slice(0, 1).arrayBuffer();
  } catch {
    throw new Error(`${name} cannot be read. If it is a folder, drop a file of it; if it was moved, choose it again.`);
  }
}

async function ask(blob, name, signal) {
  let response = await post(blob, name, signal);
  if (response.status === 415 && blob.size <= LARGEST_DECODED_BYTES) {
    // Perhaps the browser reads what the server does not.
    const decoded = await decode(blob);
    if (decoded) {
      blob = decoded;
      response = await post(blob, name, signal);
    }
  }
  const content = await response.json().catch(() => ({ detail: `the server answered ${response.status}` }));
  if (!response.ok) throw new Error(content.detail);
  return { content, heard: blob };
}

async function post(blob, name, signal) {
  const query = new URLSearchParams({ name, picture: "true" });
  const headers = { "Content-Type": "application/octet-stream" };
  try {
    return await fetch(`api/recognize?${query}`, { method: "POST", body: blob, headers, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Error("The server does not answer. Is ser serve still running?");
  }
}

async function decode(blob) {
  const context = new OfflineAudioContext(1, 1, 48000);
  try {
    const sound = await context.decodeAudioData(await blob.arrayBuffer());
    const mono = new Float32Array(sound.length);
    for (let channel = 0; channel < sound.numberOfChannels; channel++) {
      sound.getChannelData(channel).forEach((value, place) => (mono[place] += value / sound.numberOfChannels));
    }
    return wav([mono], sound.sampleRate);
  } catch {
    return null;
  }
}

// 16-bit mono, so that the server needs no decoder for what browsers record.
function wav(blocks, rate) {
  const samples = blocks.reduce((sum, block) => sum + block.length, 0);
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples));
  const words = [[0, "RIFF"], [8, "WAVE"], [12, "fmt "], [36, "data"]];
  for (const [at, word] of words) [...word].forEach((it, place) => bytes.setUint8(at + place, it.charCodeAt(0)));
  bytes.setUint32(4, 36 + 2 * samples, true);
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  bytes.setUint32(40, 2 * samples, true);
  let at = 44;
  for (const block of blocks) {
    for (const value of block) {
      bytes.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(value * 32768))), true);
      at += 2;
    }
  }
  return new Blob([bytes], { type: "audio/wav" });
}

// --- Recording --------------------------------------------------------------------------------------------

async function startRecording() {
  complain("");
  if (!navigator.mediaDevices || !window.AudioWorkletNode) {
    complain("Browsers record only on pages of this machine (localhost) or over https. Choose a file instead.");
    return;
  }
  // Not disabled meanwhile: a button that is would lose the keyboard's focus.
  if (opening) return;
  opening = true;
  // Or it would be recorded.
  $("audio").pause();
  let stream = null;
  let context = null;
  try {
    // What makes calls pleasant changes level and tone, which is what the model listens to.
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    context = new AudioContext();
    await context.audioWorklet.addModule("recorder.js");
    const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    recording = { stream, context, blocks: [], samples: 0, loudest: 0, timer: 0 };
    node.port.onmessage = ({ data }) => take(data);
    context.createMediaStreamSource(stream).connect(node);
    stream.getAudioTracks()[0].onended = () => stopRecording();
    recording.timer = setInterval(showRecording, 100);
    $("record").classList.add("on");
    $("level").hidden = false;
    say("Recording. Speak a sentence or two, then press Stop.");
  } catch (error) {
    stream?.getTracks().forEach((track) => track.stop());
    clearInterval(recording?.timer);
    recording = null;
    // An open one keeps the sound device, and browsers allow only some of them.
    context?.close().catch(() => {});
    complain(microphoneProblem(error));
  } finally {
    opening = false;
  }
}

function microphoneProblem(error) {
  if (error.name === "NotAllowedError") {
    return "The browser may not use the microphone. Allow it, usually with a click beside the address, and try again.";
  }
  if (error.name === "NotFoundError") return "No microphone was found. Connect one, or choose a file.";
  if (error.name === "NotReadableError") return "The microphone is in use by another program. Close that, and try again.";
  return `The microphone could not be opened (${error.message}). Choose a file instead.`;
}

function take(block) {
  if (!recording) return;
  recording.blocks.push(block);
  recording.samples += block.length;
  for (const value of block) recording.loudest = Math.max(recording.loudest, Math.abs(value));
}

function showRecording() {
  const seconds = recording.samples / recording.context.sampleRate;
  $("record").textContent = `Stop (${clock(seconds)})`;
  // From -50 dB to full scale.
  const share = 1 + Math.max(-50, 20 * Math.log10(recording.loudest + 1e-9)) / 50;
  $("level").style.setProperty("--share", share.toFixed(2));
  recording.loudest *= 0.7;
  if (seconds >= Math.min(LONGEST_RECORDING_S, about?.limits.longest_s ?? Infinity) - 1) stopRecording();
}

async function stopRecording() {
  const { stream, context, blocks, timer } = recording;
  recording = null;
  clearInterval(timer);
  stream.getTracks().forEach((track) => track.stop());
  $("record").textContent = "Record";
  $("record").classList.remove("on");
  $("level").hidden = true;
  const rate = context.sampleRate;
  await context.close();
  await recognise(wav(blocks, rate), "recording.wav");
}

// --- Showing the answer -----------------------------------------------------------------------------------

const ranked = (probabilities) => Object.entries(probabilities).sort((one, other) => other[1] - one[1]);

function spokenVerdict({ emotion, confidence, uncertain }) {
  return uncertain ? `not sure; most like ${emotion}, ${percent(confidence)}` : `${emotion}, ${percent(confidence)}`;
}

function show(blob) {
  const { uncertain, emotion, confidence, probabilities, duration_s, segments } = answer;
  const second = ranked(probabilities)[1];
  $("result").hidden = false;
  $("result").classList.toggle("unsure", uncertain);
  $("verdict").textContent = uncertain ? "Not sure" : `${capital(emotion)}, ${percent(confidence)}`;
  $("explanation").textContent = uncertain
    ? `Most like ${emotion} (${percent(confidence)}) or ${second[0]} (${percent(second[1])}), but below ` +
      `${percent(about?.uncertain_below ?? 0.5)} an answer is more likely wrong than right.`
    : `Then ${second[0]}, ${percent(second[1])}.`;
  const mean = segments ? ", the mean over its windows with speech" : "";
  $("bars-caption").textContent = `Probability of each emotion in ${answer.file} (${length(duration_s)})${mean}`;
  $("bars").replaceChildren(...Object.entries(probabilities).map((it) => bar(...it, it[0] === emotion)));
  play(blob);
  prepareStack();
  listPieces();
  draw();
  $("verdict").focus({ preventScroll: true });
  $("result").scrollIntoView({ block: "nearest" });
}

function bar(name, share, first) {
  const row = element("tr", "", first ? { class: "first" } : {});
  const cell = element("td", "");
  const sized = element("div", "", { class: "sized" });
  const track = element("div", "", { class: "track" });
  const filled = element("span", "", { class: "filled" });
  filled.style.setProperty("--share", share);
  track.append(filled);
  sized.append(track, element("span", percent(share), { class: "share" }));
  cell.append(sized);
  row.append(element("th", name, { scope: "row" }), cell);
  return row;
}

function play(blob) {
  if (played) URL.revokeObjectURL(played);
  played = URL.createObjectURL(blob);
  $("silent-player").hidden = true;
  $("audio").hidden = false;
  $("audio").src = played;
}

function prepareStack() {
  const long = Boolean(answer.segments);
  for (const id of ["timeline", "timeline-labels"]) $(id).hidden = !long;
  $("timeline-labels").replaceChildren(...[...Object.keys(answer.probabilities), "not sure"].map((it) => element("span", it)));
  $("band").textContent = `${picture.lowest_hz} to ${picture.highest_hz}\u00a0Hz`;
  $("legend").textContent = long ? "The darker, the more probable; an empty piece is without speech." : "";
  if (long && matchMedia("(prefers-color-scheme: dark)").matches) {
    $("legend").textContent = "The brighter, the more probable; an empty piece is without speech.";
  }
  $("cursor").setAttribute("aria-valuemax", answer.duration_s.toFixed(1));
  $("ticks").replaceChildren(...ticks(answer.duration_s));
  moveTo(0);
}

function ticks(duration) {
  const steps = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];
  const room = $("stack").clientWidth < 480 ? 4 : 8;
  const step = steps.find((it) => duration / it <= room) ?? 7200;
  const made = [];
  for (let at = 0; at < duration * 0.97; at += step) {
    const tick = element("span", clock(at, step < 1 ? 1 : 0));
    tick.style.setProperty("--at", at / duration);
    made.push(tick);
  }
  return made;
}

function listPieces() {
  const { segments } = answer;
  $("pieces").hidden = !segments;
  if (!segments) return;
  $("pieces").querySelector("summary").textContent = `Timeline as a table (${segments.length} pieces)`;
  $("pieces").querySelector("p").hidden = segments.length <= TABLE_ROWS;
  const rows = segments.slice(0, TABLE_ROWS).map((it) => {
    const row = element("tr", "");
    const from = element("td", "");
    const seek = element("button", clock(it.start_s, 1), { type: "button", "aria-label": `Go to ${clock(it.start_s, 1)}` });
    seek.addEventListener("click", () => moveTo(it.start_s));
    from.append(seek);
    const heard = it.uncertain ? `not sure (${it.emotion})` : it.emotion;
    row.append(from, element("td", clock(it.end_s, 1)), element("td", heard), element("td", percent(it.confidence)));
    return row;
  });
  $("pieces").querySelector("tbody").replaceChildren(...rows);
}

// --- Pictures ---------------------------------------------------------------------------------------------

function draw() {
  if (!answer || $("result").hidden) return;
  drawWaveform();
  drawLogmel();
  if (answer.segments) drawTimeline();
}

// A canvas of as many pixels as the screen gives it.
function prepared(id) {
  const canvas = $(id);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  return { canvas, context: canvas.getContext("2d"), width: canvas.width, height: canvas.height, ratio };
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const columnShare = () => picture.column_s / answer.duration_s;

function drawWaveform() {
  const { context, width, height } = prepared("waveform");
  const { low, high } = picture;
  const loudest = Math.max(...low.map(Math.abs), ...high.map(Math.abs), 1e-4);
  const scale = (0.48 * height) / loudest;
  const step = columnShare() * width;
  context.fillStyle = colour("--accent");
  low.forEach((value, place) => {
    const top = height / 2 - high[place] * scale;
    context.fillRect(place * step, top, Math.max(step, 1), Math.max((high[place] - value) * scale, 1));
  });
}

// Dark to bright in even steps of lightness: black, violet, red, orange, pale yellow.
const HEAT = [[0, 0, 4], [59, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]];

function heat(byte) {
  const at = (byte / 255) * (HEAT.length - 1);
  const below = Math.min(Math.floor(at), HEAT.length - 2);
  return HEAT[below].map((value, channel) => value + (at - below) * (HEAT[below + 1][channel] - value));
}

function drawLogmel() {
  const { context, width, height } = prepared("logmel");
  const levels = Uint8Array.from(atob(picture.levels), (it) => it.charCodeAt(0));
  const columns = levels.length / picture.bands;
  const small = new OffscreenCanvas(columns, picture.bands);
  const image = new ImageData(columns, picture.bands);
  levels.forEach((byte, place) => {
    const column = Math.floor(place / picture.bands);
    const row = picture.bands - 1 - (place % picture.bands);
    image.data.set([...heat(byte), 255], 4 * (row * columns + column));
  });
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, columns * columnShare() * width, height);
}

function drawTimeline() {
  const { context, width, height, ratio } = prepared("timeline");
  const emotions = Object.keys(answer.probabilities);
  const row = height / (emotions.length + 1);
  for (const it of answer.segments) {
    const left = Math.round((it.start_s / answer.duration_s) * width);
    const right = Math.max(Math.round((it.end_s / answer.duration_s) * width), left + 1);
    context.fillStyle = colour("--accent");
    emotions.forEach((emotion, place) => {
      context.globalAlpha = it.probabilities[emotion];
      context.fillRect(left, place * row, right - left, row);
    });
    context.globalAlpha = 1;
    context.fillStyle = colour("--muted");
    if (it.uncertain) context.fillRect(left, (emotions.length + 0.3) * row, right - left, 0.4 * row);
  }
  context.fillStyle = colour("--line");
  emotions.forEach((_, place) => context.fillRect(0, Math.round((place + 1) * row), width, ratio));
}

// --- Position ---------------------------------------------------------------------------------------------

let position = 0;
let following = 0; // the request for the next picture of the cursor
let told = null; // the whole second that a screen reader was told last, while it plays

function moveTo(seconds) {
  position = Math.max(0, Math.min(seconds, answer.duration_s));
  if (!$("audio").hidden) $("audio").currentTime = position;
  showPosition();
  tellPosition();
}

function heardHere() {
  const piece = answer.segments?.find((it) => it.start_s <= position && position < it.end_s);
  return piece ? `: ${spokenVerdict(piece)}` : answer.segments ? ": no speech" : "";
}

function showPosition() {
  $("cursor").style.setProperty("--at", position / answer.duration_s);
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
  showPosition();
  // Not every picture of the cursor is worth speaking of.
  if ($("audio").paused || Math.floor(position) !== told) tellPosition();
  if (!$("audio").paused) following = requestAnimationFrame(follow);
}

function keyed(event) {
  const far = Math.max(1, answer.duration_s / 20);
  const moves = { ArrowLeft: -0.5, ArrowDown: -0.5, ArrowRight: 0.5, ArrowUp: 0.5, PageUp: far, PageDown: -far };
  if (event.key in moves) moveTo(position + moves[event.key]);
  else if (event.key === "Home") moveTo(0);
  else if (event.key === "End") moveTo(answer.duration_s);
  else if (event.key !== " ") return;
  else if ($("audio").paused) $("audio").play().catch(() => {});
  else $("audio").pause();
  event.preventDefault();
}

function pointed(event) {
  const { left, width } = $("waveform").getBoundingClientRect();
  if (event.clientX >= left) moveTo(((event.clientX - left) / width) * answer.duration_s);
}

// --- Downloads --------------------------------------------------------------------------------------------

function save(content, ending, type) {
  const link = element("a", "", { download: `${answer.file.replace(/\.[^.]*$/, "")}.emotions.${ending}` });
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// The columns of `ser predict --csv`.
function csv() {
  const emotions = Object.keys(answer.probabilities);
  const whole = { ...answer, start_s: 0, end_s: answer.duration_s };
  const rows = (answer.segments ?? [whole]).map((it) => [
    answer.file, it.start_s, it.end_s, it.emotion, it.confidence, it.uncertain ? "True" : "False",
    ...emotions.map((emotion) => it.probabilities[emotion]),
  ]);
  const heading = ["file", "start_s", "end_s", "emotion", "confidence", "uncertain", ...emotions.map((it) => `p_${it}`)];
  return [heading, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");
}

function cell(value) {
  const text = typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// --- What it is -------------------------------------------------------------------------------------------

async function loadAbout() {
  try {
    about = await (await fetch("api/about")).json();
  } catch {
    complain("The server does not answer. Is ser serve still running?");
    return;
  }
  const { expected, training, licence } = about.about;
  if (expected?.uar) {
    const range = expected.uar_low ? ` (95 % interval ${points(expected.uar_low)} to ${points(expected.uar_high)})` : "";
    $("expected").textContent =
      `Of actors it had never heard, its recipe recognises ${points(expected.uar)}${range} of the clips, averaged over ` +
      `the emotions (UAR, protocol ${expected.protocol.toUpperCase()}); guessing would give 12.5 %. ` +
      `On other people and microphones, expect less.`;
  }
  const trained = training?.recordings ? `, trained on ${training.recordings}` : "";
  const terms = licence?.weights ? ` Licence of its weights: ${licence.weights}.` : "";
  $("model").textContent = `Model ${about.version}${trained}.${terms}`;
}

// --- Start ------------------------------------------------------------------------------------------------

function start() {
  $("file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (file) recognise(file, file.name);
  });
  $("record").addEventListener("click", () => (recording ? stopRecording() : startRecording()));
  $("cancel").addEventListener("click", () => asking?.abort());
  for (const kind of ["dragenter", "dragover"]) {
    addEventListener(kind, (event) => {
      event.preventDefault();
      $("drop").classList.add("over");
    });
  }
  addEventListener("dragleave", (event) => event.relatedTarget || $("drop").classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    const { files } = event.dataTransfer;
    // One at a time: the first.
    if (files.length) recognise(files[0], files[0].name);
  });
  $("audio").addEventListener("play", follow);
  $("audio").addEventListener("pause", follow);
  $("audio").addEventListener("seeked", follow);
  $("audio").addEventListener("error", () => {
    $("audio").hidden = true;
    $("silent-player").hidden = false;
  });
  $("cursor").addEventListener("keydown", keyed);
  $("stack").addEventListener("pointerdown", pointed);
  $("stack").addEventListener("click", () => $("cursor").focus({ preventScroll: true }));
  $("save-json").addEventListener("click", () => save(JSON.stringify(answer, null, 2) + "\n", "json", "application/json"));
  $("save-csv").addEventListener("click", () => save(csv(), "csv", "text/csv"));
  new ResizeObserver(draw).observe($("stack"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (answer) prepareStack();
    draw();
  });
  loadAbout();
}

start();
