// Sound as the server reads it without a decoder: WAV of 16 bits.

export async function decoded(blob) {
  const context = new OfflineAudioContext(1, 1, 48000);
  try {
    const sound = await context.decodeAudioData(await blob.arrayBuffer());
    const channels = Array.from({ length: sound.numberOfChannels }, (_, channel) => sound.getChannelData(channel));
    return wav(channels, sound.sampleRate);
  } catch {
    return null;
  }
}

export function joined(blocks) {
  const whole = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}

export function wav(channels, rate) {
  const samples = channels[0].length;
  const frame = 2 * channels.length;
  const bytes = new DataView(new ArrayBuffer(44 + frame * samples));
  const words = [[0, "RIFF"], [8, "WAVE"], [12, "fmt "], [36, "data"]];
  for (const [at, word] of words) [...word].forEach((it, place) => bytes.setUint8(at + place, it.charCodeAt(0)));
  bytes.setUint32(4, 36 + frame * samples, true);
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, channels.length, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, frame * rate, true);
  bytes.setUint16(32, frame, true);
  bytes.setUint16(34, 16, true);
  bytes.setUint32(40, frame * samples, true);
  channels.forEach((channel, place) => {
    channel.forEach((value, at) => {
      const number = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
      bytes.setInt16(44 + frame * at + 2 * place, number, true);
    });
  });
  return new Blob([bytes], { type: "audio/wav" });
}
