// One answer: its verdict, what speaks against it, the summary of a long recording, all probabilities.

import { about } from "./server.js";
import { moveTo, showTimeline } from "./timeline.js";
import { $, button, capital, clock, element, emotionWord, hue, length, many, percent, points, ranked, reasons, titled } from "./words.js";

const TABLE_ROWS = 600;
const TESTED = {
  ravdess: "RAVDESS, speakers it had never heard",
  ravdess_corrupted: "the same with noise, over telephones and in rooms",
  emodb: "EMO-DB, a corpus it had never heard",
};

let played = null; // object URL of what the player has

export function showAnswer({ answer, picture, heard }) {
  const { certainty, uncertain, emotion, confidence, probabilities, duration_s, segments } = answer;
  const second = ranked(probabilities)[1];
  $("result").hidden = false;
  $("result").classList.toggle("unsure", uncertain);
  $("verdict").textContent = uncertain ? "Not sure" : `${capital(certainty)} ${emotion}, ${percent(confidence)}`;
  $("explanation").textContent = uncertain
    ? `Most like ${emotion} (${percent(confidence)}) or ${second[0]} (${percent(second[1])}).`
    : `Then ${second[0]}, ${percent(second[1])}.`;
  $("reasons").hidden = !answer.reasons.length;
  $("reasons").textContent = `${uncertain ? "Why not sure" : "Against it"}: ${reasons(answer, about?.reasons)}.`;
  $("worth").textContent = worth(certainty);
  $("mixed").hidden = !answer.channels_differ;
  const mean = segments ? ", the mean over its windows with speech" : "";
  $("bars-caption").textContent = `Probability of each emotion in ${titled(answer)} (${length(duration_s)})${mean}`;
  $("bars").replaceChildren(...Object.entries(probabilities).map((it) => bar(...it, it[0] === emotion)));
  play(heard);
  showTimeline(answer, picture);
  showSummary(answer);
  listPieces(segments);
}

// What is left of an answer must not be taken for one of another recording.
export function hideAnswer() {
  $("audio").pause();
  $("result").hidden = true;
}

export function prepareAnswer() {
  $("audio").addEventListener("error", () => {
    $("audio").hidden = true;
    $("silent-player").hidden = false;
  });
}

// How often answers with this word were right, as the model's bundle says.
function worth(certainty) {
  const measured = about?.about.certainty ?? {};
  const parts = Object.entries(TESTED)
    .filter(([corpus]) => measured[corpus]?.[certainty]?.accuracy)
    .map(([corpus, name]) => `${points(measured[corpus][certainty].accuracy)} on ${name}`);
  return parts.length ? `Of all answers that are ${certainty} these were right: ${parts.join("; ")}.` : "";
}

function bar(name, share, first) {
  const filled = element("span", "", { class: "filled" });
  filled.style.setProperty("--share", share);
  const track = element("div", "", { class: "track" }, filled);
  const sized = element("div", "", { class: "sized" }, track, element("span", percent(share), { class: "share" }));
  const row = element("tr", "", { class: first ? `${hue(name)} first` : hue(name) });
  row.append(element("th", name, { scope: "row" }), element("td", "", {}, sized));
  return row;
}

function play(blob) {
  if (played) URL.revokeObjectURL(played);
  played = URL.createObjectURL(blob);
  $("silent-player").hidden = true;
  $("audio").hidden = false;
  $("audio").src = played;
}

// --- A long recording -------------------------------------------------------------------------------------

function showSummary({ summary, duration_s, no_speech }) {
  $("summary").hidden = !summary;
  if (!summary) return;
  const silent = no_speech ? ` of ${length(duration_s)}` : "";
  $("speech").textContent = `${length(summary.speech_s)}${silent} is speech. ${summary.changes.length ? `${many(summary.changes.length, "change")} of emotion.` : "The emotion does not change."}`;
  const shares = [...Object.entries(summary.shares), ["not sure", summary.not_sure]].filter(([, share]) => share > 0);
  shares.sort((one, other) => (one[0] === "not sure") - (other[0] === "not sure") || other[1] - one[1]);
  const parts = shares.map(([emotion, share]) => {
    const part = element("span", "", { class: hue(emotion) });
    part.style.setProperty("--share", share);
    return part;
  });
  $("shares").replaceChildren(...parts);
  const words = shares.map(([emotion, share]) => element("li", "", {}, emotionWord(emotion, `${emotion} ${percent(share)}`)));
  $("share-words").replaceChildren(...words);
  $("confident").hidden = !summary.most_confident.length;
  $("confident-list").replaceChildren(...summary.most_confident.map((it) => element("li", "", {}, ...stretch(it))));
  $("changes").hidden = !summary.changes.length;
  $("changes").querySelector("summary").textContent = `Changes of emotion (${summary.changes.length})`;
  $("changes-list").replaceChildren(...summary.changes.slice(0, TABLE_ROWS).map(change));
}

function change({ at_s, before, after }) {
  return element("li", "", {}, seek(at_s), " from ", emotionWord(before), " to ", emotionWord(after));
}

function stretch({ start_s, end_s, emotion, certainty, confidence }) {
  return [seek(start_s), ` to ${clock(end_s)} `, emotionWord(emotion), ` ${percent(confidence)}, ${certainty}`];
}

const seek = (seconds) => button(clock(seconds), () => moveTo(seconds), { class: "seek", "aria-label": `Go to ${clock(seconds)}` });

function listPieces(segments) {
  $("pieces").hidden = !segments;
  if (!segments) return;
  $("pieces").querySelector("summary").textContent = `Timeline as a table (${segments.length} pieces)`;
  $("pieces").querySelector("p").hidden = segments.length <= TABLE_ROWS;
  const rows = segments.slice(0, TABLE_ROWS).map((it) => {
    const heard = it.uncertain ? ["not sure (", emotionWord(it.emotion), ")"] : [`${it.certainty} `, emotionWord(it.emotion)];
    return element(
      "tr", "", {},
      element("td", "", {}, seek(it.start_s)),
      element("td", clock(it.end_s, 1)),
      element("td", "", {}, ...heard),
      element("td", percent(it.confidence)),
      element("td", reasons(it, about?.reasons)),
    );
  });
  $("pieces").querySelector("tbody").replaceChildren(...rows);
}
