// Recording: the microphone as it is, without what makes calls pleasant.

import { about } from "./server.js";
import { joined, wav } from "./sound.js";
import { $, clock, complain, say } from "./words.js";

const LONGEST_S = 600;

let opening = false; // while the browser asks whether the microphone may be used
let recording = null; // while the microphone is open

// `onRecorded` gets the recording, a WAV file; `onStart` is called before the microphone opens.
export function prepareMicrophone(onRecorded, onStart) {
  if (navigator.mediaDevices && window.AudioWorkletNode) {
    $("record").addEventListener("click", () => (recording ? stop(onRecorded) : start(onRecorded, onStart)));
    return;
  }
  $("record").hidden = true;
  $("no-microphone").hidden = false;
  $("no-microphone").textContent = window.isSecureContext
    ? "This browser cannot record here; a file works as well."
    : "To record, open this page over https, or on the machine itself under the name localhost: " +
      "browsers give the microphone to no other pages. Files work here, too.";
}

async function start(onRecorded, onStart) {
  complain("");
  // Not disabled meanwhile: a button that is would lose the keyboard's focus.
  if (opening) return;
  opening = true;
  onStart();
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
    stream.getAudioTracks()[0].onended = () => stop(onRecorded);
    recording.timer = setInterval(() => show(onRecorded), 100);
    $("record").classList.add("on");
    $("level").hidden = false;
    say("Recording. Speak a sentence or two, then press Stop.");
  } catch (error) {
    stream?.getTracks().forEach((track) => track.stop());
    clearInterval(recording?.timer);
    recording = null;
    // An open one keeps the sound device, and browsers allow only some of them.
    context?.close().catch(() => {});
    complain(problem(error));
  } finally {
    opening = false;
  }
}

function problem(error) {
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

function show(onRecorded) {
  const seconds = recording.samples / recording.context.sampleRate;
  $("record").textContent = `Stop (${clock(seconds)})`;
  // From -50 dB to full scale.
  const share = 1 + Math.max(-50, 20 * Math.log10(recording.loudest + 1e-9)) / 50;
  $("level").style.setProperty("--share", share.toFixed(2));
  recording.loudest *= 0.7;
  if (seconds >= Math.min(LONGEST_S, about?.limits.longest_s ?? Infinity) - 1) stop(onRecorded);
}

async function stop(onRecorded) {
  if (!recording) return;
  const { stream, context, blocks, timer } = recording;
  recording = null;
  clearInterval(timer);
  stream.getTracks().forEach((track) => track.stop());
  $("record").textContent = "Record";
  $("record").classList.remove("on");
  $("level").hidden = true;
  const rate = context.sampleRate;
  await context.close();
  onRecorded(new File([wav([joined(blocks)], rate)], "recording.wav", { type: "audio/wav" }));
}
