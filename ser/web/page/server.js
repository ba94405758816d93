// Asking the server: an answer for a recording, with progress on the way, and what it tells about itself.

import { decoded } from "./sound.js";

export const SILENT_SERVER = "The server does not answer. Is ser serve still running?";
const LARGEST_DECODED_BYTES = 30e6;

export let about = null; // of /api/about, once it was asked for

// Gives what the server tells of itself, and the samples that it has; null where it does not answer.
export async function introduced() {
  try {
    const [told, samples] = await Promise.all(["api/about", "api/samples"].map(async (it) => (await fetch(it)).json()));
    about = told;
    return { about, samples };
  } catch {
    return null;
  }
}

export class Problem extends Error {
  constructor(detail, { status = 0, outcome = "error" } = {}) {
    super(detail);
    this.status = status;
    this.outcome = outcome;
  }
}

// Gives the answers, one a channel, and the sound that was heard, which may be another form of `blob`.
// `onProgress` gets what is done, "sending", "waiting" or "listening", and its share, from 0 to 1.
export async function ask(blob, name, { channels, signal, onProgress }) {
  await checkReadable(blob, name);
  try {
    return { answers: await post(blob, name, { channels, signal, onProgress }), heard: blob };
  } catch (problem) {
    if (problem.status !== 415 || blob.size > LARGEST_DECODED_BYTES) throw problem;
    // Perhaps the browser reads what the server does not.
    const heard = await decoded(blob);
    if (!heard) throw problem;
    return { answers: await post(heard, name, { channels, signal, onProgress }), heard };
  }
}

// A folder can be dropped, too; only reading tells.
async function checkReadable(blob, name) {
  try {
    await blob.slice(0, 1).arrayBuffer();
  } catch {
    throw new Problem(`${name} cannot be read. If it is a folder, drop the files in it; if it was moved, choose it again.`);
  }
  const largest = about?.limits.largest_bytes ?? Infinity;
  if (blob.size > largest) {
    throw new Problem(`${name}: ${Math.ceil(blob.size / 1e6)} MB, but at most ${largest / 1e6} MB are taken.`);
  }
}

// Not fetch, which tells nothing of an upload's progress.
function post(blob, name, { channels, signal, onProgress }) {
  const query = new URLSearchParams({ name, channels, picture: "true", format: "events" });
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const read = eventsOf(request, onProgress);
    signal.addEventListener("abort", () => {
      request.abort();
      reject(signal.reason);
    });
    request.upload.onprogress = ({ loaded, total }) => onProgress("sending", loaded / total);
    request.onprogress = () => request.status === 200 && read();
    request.onerror = () => reject(new Problem(SILENT_SERVER));
    request.onload = () => {
      if (request.status !== 200) return reject(refusal(request));
      const last = read();
      if (last?.kind === "answer") return resolve(last.content.channels ?? [last.content]);
      reject(last?.kind === "problem" ? new Problem(last.content.detail, last.content) : new Problem("The server broke off."));
    };
    request.open("POST", `api/recognize?${query}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(blob);
  });
}

// A reader of the server-sent events that came since it was called last; it gives the last of all.
function eventsOf(request, onProgress) {
  let at = 0;
  let last = null;
  return () => {
    for (let end = request.responseText.indexOf("\n\n", at); end >= 0; end = request.responseText.indexOf("\n\n", at)) {
      const [, kind, content] = /^event: (\w+)\ndata: (.*)$/s.exec(request.responseText.slice(at, end));
      last = { kind, content: JSON.parse(content) };
      at = end + 2;
      if (kind === "progress") onProgress(last.content.state, last.content.done);
    }
    return last;
  };
}

function refusal(request) {
  try {
    const { detail, outcome } = JSON.parse(request.responseText);
    return new Problem(detail, { status: request.status, outcome });
  } catch {
    return new Problem(`The server answered ${request.status}.`, request);
  }
}
