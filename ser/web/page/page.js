// The page of `ser serve`: takes recordings, asks the server, and shows what it answers. No library, nothing
// from elsewhere.

import { prepareAnswer } from "./answer.js";
import { saveAll, saveCsv, saveJson } from "./downloads.js";
import { prepareMicrophone } from "./microphone.js";
import { addFiles, listed, prepareRecordings, shownAnswer } from "./recordings.js";
import { SILENT_SERVER, introduced } from "./server.js";
import { prepareTimeline } from "./timeline.js";
import { $, button, complain, points } from "./words.js";

function prepareInput() {
  $("file").addEventListener("change", ({ target }) => {
    const files = [...target.files];
    target.value = "";
    if (files.length) addFiles(files);
  });
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
    if (files.length) addFiles(files);
  });
}

function offerSamples(samples) {
  $("samples").hidden = !samples.length;
  const buttons = samples.map(({ name, title, told }) =>
    button(title, () => trySample(name), { title: told }));
  $("sample-buttons").replaceChildren(...buttons);
}

async function trySample(name) {
  try {
    const sound = await (await fetch(`api/samples/${encodeURIComponent(name)}`)).blob();
    addFiles([new File([sound], name, { type: sound.type })]);
  } catch {
    complain(SILENT_SERVER);
  }
}

function introduce({ version, about }) {
  const { expected, training, licence } = about;
  if (expected?.uar) {
    const range = expected.uar_low && expected.uar_high ? ` (95 % interval ${points(expected.uar_low)} to ${points(expected.uar_high)})` : "";
    $("expected").textContent =
      `Of actors it had never heard, its recipe recognises ${points(expected.uar)}${range} of the clips, averaged over ` +
      `the emotions (UAR${expected.protocol ? `, protocol ${expected.protocol.toUpperCase()}` : ""}); guessing would give 12.5 %. ` +
      `On other people and microphones, expect less.`;
  }
  const trained = training?.recordings ? `, trained on ${training.recordings}` : "";
  const terms = licence?.weights ? ` Licence of its weights: ${licence.weights}.` : "";
  $("model").textContent = `Model ${version}${trained}.${terms}`;
}

async function start() {
  prepareInput();
  prepareRecordings();
  prepareAnswer();
  prepareTimeline();
  // What is played would be recorded.
  prepareMicrophone((recording) => addFiles([recording], "mix"), () => $("audio").pause());
  $("save-json").addEventListener("click", () => saveJson(shownAnswer()));
  $("save-csv").addEventListener("click", () => saveCsv(shownAnswer()));
  $("save-all").addEventListener("click", () => saveAll(listed()));
  const told = await introduced();
  if (!told) {
    complain(SILENT_SERVER);
    return;
  }
  offerSamples(told.samples);
  introduce(told.about);
}

start();
