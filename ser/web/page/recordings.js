// All recordings of this visit: asked for one after the other, and, where there are several, listed in a table.

import { hideAnswer, showAnswer } from "./answer.js";
import { about, ask } from "./server.js";
import { $, button, complain, element, emotionWord, length, many, percent, reasons, say, titled, unnamed, verdict } from "./words.js";

let rows = []; // in the order of the table: { name, blob, answer, picture, heard } or { name, blob, problem, outcome }
let waiting = []; // files that were not asked for yet, each with its batch
let asking = null; // the AbortController of the request under way
let shown = null; // the row whose answer is shown

export const shownAnswer = () => shown?.answer;
export const listed = () => rows;

export function prepareRecordings() {
  $("cancel").addEventListener("click", cancel);
  $("forget").addEventListener("click", forget);
  $("split").addEventListener("click", () => shown && addFiles([shown.blob], "split"));
}

// Adds files, which are File objects, and shows the first answer among them.
export function addFiles(files, channels = $("channels").value) {
  complain("");
  const batch = { files: files.length, begun: 0, answered: 0, refused: 0, shown: false };
  waiting.push(...[...files].map((file) => ({ file, channels, batch })));
  if (!asking) work();
}

async function work() {
  $("cancel").hidden = false;
  $("result").classList.add("former");
  while (waiting.length) await one(waiting.shift());
  $("progress").hidden = true;
  $("result").classList.remove("former");
  // What is hidden would lose the keyboard's focus.
  if (document.activeElement === $("cancel")) $("file").focus();
  $("cancel").hidden = true;
}

async function one({ file, channels, batch }) {
  const { signal } = (asking = new AbortController());
  batch.begun++;
  const place = batch.files > 1 ? `${batch.begun} of ${batch.files}: ` : "";
  let doing = null;
  const onProgress = (state, share) => {
    $("progress").hidden = state === "waiting";
    $("progress").value = share;
    // Not the share, which would be read out again and again.
    if (state !== doing) say(`${place}${{ sending: "Sending", waiting: "Waiting for others:", listening: "Listening to" }[state]} ${file.name} …`);
    doing = state;
  };
  onProgress("sending", 0);
  try {
    const { answers, heard } = await ask(file, file.name, { channels, signal, onProgress });
    answered(answers.map(({ picture, ...answer }) => ({ name: file.name, blob: file, answer, picture, heard })), batch);
  } catch (problem) {
    if (!signal.aborted) refused({ name: file.name, blob: file, problem: problem.message, outcome: problem.outcome }, batch);
  } finally {
    asking = null;
  }
}

function answered(found, batch) {
  rows.push(...found);
  batch.answered++;
  const alone = batch.files === 1;
  say(alone ? `${titled(found[0].answer)}: ${verdict(found[0].answer)}` : finished(batch));
  if (!batch.shown) show(found[0], alone);
  batch.shown = true;
  list();
}

function refused(row, batch) {
  rows.push(row);
  batch.refused++;
  if (batch.files === 1) {
    hide();
    say("");
    complain(row.problem);
  } else {
    // The answer before this batch must not be taken for one of it.
    if (!batch.shown) hide();
    say(finished(batch));
  }
  list();
}

const finished = ({ answered, refused }) =>
  `${many(answered, "recording")} answered${refused ? `, ${refused} not: the table says why` : ""}.`;

function cancel() {
  waiting = [];
  asking?.abort();
  say("Cancelled.");
}

function forget() {
  rows = [];
  hide();
  say("");
  complain("");
  list();
  $("file").focus();
}

function show(row, focused) {
  shown = row;
  $("result").classList.remove("former");
  showAnswer(row);
  if (focused) {
    $("verdict").focus({ preventScroll: true });
    $("result").scrollIntoView({ block: "nearest" });
  }
}

function hide() {
  shown = null;
  hideAnswer();
}

// --- The table --------------------------------------------------------------------------------------------

function list() {
  $("recordings").hidden = rows.length < 2;
  $("recordings-rows").replaceChildren(...rows.map((row) => (row.answer ? answerRow(row) : problemRow(row))));
}

function answerRow(row) {
  const { answer } = row;
  const opened = () => {
    complain("");
    show(row, true);
    list();
  };
  const name = button(titled(answer), opened, { class: "name", "aria-pressed": String(row === shown) });
  const made = element(
    "tr", "", { class: row === shown ? "chosen" : "" },
    element("th", "", { scope: "row" }, name),
    element("td", "", {}, emotionWord(answer.emotion)),
    element("td", percent(answer.confidence), { class: "number" }),
    element("td", answer.certainty, { class: answer.uncertain ? "muted" : "" }),
    element("td", reasons(answer, about?.reasons)),
    element("td", length(answer.duration_s), { class: "number" }),
  );
  // The name is for the keyboard; a pointer may click anywhere.
  made.addEventListener("click", (event) => event.target.closest("button") || opened());
  return made;
}

function problemRow(row) {
  return element(
    "tr", "", { class: "refused" },
    element("th", row.name, { scope: "row" }),
    element("td", `no answer: ${unnamed(row)}`, { colspan: "5" }),
  );
}
