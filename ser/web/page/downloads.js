// Answers as files.

import { about } from "./server.js";
import { element, unnamed } from "./words.js";

export function save(content, name, type) {
  const link = element("a", "", { download: name });
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export const saveJson = (answer) => save(`${JSON.stringify(answer, null, 2)}\n`, `${stem(answer)}.emotions.json`, "application/json");
export const saveCsv = (answer) => save(csv([answer]), `${stem(answer)}.emotions.csv`, "text/csv");
export const saveAll = (rows) => save(csv(rows.map((it) => it.answer ?? it)), "emotions.csv", "text/csv");

const stem = ({ file, channel }) => file.replace(/\.[^.]*$/, "") + (channel ? `.${channel}` : "");

// The columns and rows of `ser predict --csv`, and of the API's format=csv. `told` are answers, and recordings
// without one.
function csv(told) {
  const columns = [
    "file", "start_s", "end_s", "emotion", "confidence", "uncertain", ...(about?.labels ?? []).map((it) => `p_${it}`),
    "agreement", "certainty", "reasons", "channel", "status", "reason",
  ];
  const rows = told.flatMap((it) => (it.problem ? [refusedRow(it)] : answerRows(it)));
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
    .map((row) => `${row.map(cell).join(",")}\n`)
    .join("");
}

function answerRows(answer) {
  const whole = { ...answer, start_s: 0, end_s: answer.duration_s };
  return (answer.stretches ?? [whole]).map((it) => ({
    ...Object.fromEntries(Object.entries(it.probabilities).map(([emotion, share]) => [`p_${emotion}`, share])),
    ...it,
    file: answer.file,
    channel: answer.channel,
    uncertain: it.uncertain ? "True" : "False",
    reasons: it.reasons.join(" "),
    status: "ok",
  }));
}

const refusedRow = (row) => ({ file: row.name, status: row.outcome, reason: unnamed(row) });

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return sixDigits(value);
  // With the apostrophe a spreadsheet takes it for text, not for a formula; some take full-width signs, too.
  const safe = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// As Python writes them with .6g; no number here has more than six digits before the point.
function sixDigits(value) {
  if (value === 0 || Math.abs(value) >= 1e-4) return String(Number(value.toPrecision(6)));
  const [digits, exponent] = value.toExponential(5).split("e-");
  return `${Number(digits)}e-${exponent.padStart(2, "0")}`;
}
