// What the page says, and how: numbers, times, verdicts, reasons; and the elements that say it.

export const $ = (id) => document.getElementById(id);

export function element(name, text, attributes = {}, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function button(text, pressed, attributes = {}) {
  const made = element("button", text, { type: "button", ...attributes });
  made.addEventListener("click", pressed);
  return made;
}

// With a space that does not break.
export const percent = (share) => (share > 0 && share < 0.005 ? "<1\u00a0%" : `${Math.round(share * 100)}\u00a0%`);
export const points = (share) => `${(share * 100).toFixed(1)}\u00a0%`;
export const capital = (text) => text[0].toUpperCase() + text.slice(1);
export const many = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

export function clock(seconds, digits = 0) {
  const rounded = Number(seconds.toFixed(digits));
  const rest = (rounded % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  const minutes = Math.floor(rounded / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

export const length = (seconds) => (seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds));

export const ranked = (probabilities) => Object.entries(probabilities).sort((one, other) => other[1] - one[1]);

export function verdict({ emotion, confidence, certainty, uncertain }) {
  return uncertain ? `not sure; most like ${emotion}, ${percent(confidence)}` : `${certainty} ${emotion}, ${percent(confidence)}`;
}

export const titled = ({ file, channel }) => (channel ? `${file}, ${channel} channel` : file);

// What is wrong with a recording, without its name.
export const unnamed = ({ name, problem }) => (problem.startsWith(`${name}: `) ? problem.slice(name.length + 2) : problem);

// `inWords` is what /api/about says of each reason.
export const reasons = (answer, inWords = {}) => answer.reasons.map((it) => inWords[it] ?? it).join("; ");

// A word with its colour, which never stands alone.
export function emotionWord(emotion, text = emotion) {
  return element("span", "", { class: "emotion" }, swatch(emotion), text);
}

export const swatch = (emotion) => element("span", "", { class: `swatch ${hue(emotion)}`, "aria-hidden": "true" });
export const hue = (emotion) => `hue-${emotion.replace(" ", "-")}`;

export function say(text) {
  $("status").textContent = text;
}

export function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}
