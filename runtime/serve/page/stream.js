// Endless responses: pictures of a camera, and events. Read by `fetch`, since these may need a token.

import { pause, request } from './api.js';
import { emit } from './bus.js';

const LONGEST_HEAD = 8192;
/// The device says something every 15 seconds.
const SILENCE = 25_000;
const LONGEST_PICTURE = 32 * 1024 * 1024;

/// Bytes of a response, and an end where none came for so long.
async function* chunks(response, silence, stop) {
  const reader = response.body.getReader();
  try {
    for (;;) {
      const timer = setTimeout(stop, silence);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      emit('contact', { lost: null });
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function endOfHead(bytes) {
  for (let at = 0; at + 3 < bytes.length && at < LONGEST_HEAD; at++) {
    if (bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  if (bytes.length > LONGEST_HEAD) throw new Error('this is no stream of pictures');
  return -1;
}

/// Pictures of a multipart/x-mixed-replace response, as they come.
export async function* pictures(path, query, signal) {
  const gate = linked(signal);
  const response = await request(path, { query, signal: gate.signal });
  let held = new Uint8Array(0);
  let length = -1;
  for await (const chunk of chunks(response, 20_000, () => gate.abort())) {
    const joined = new Uint8Array(held.length + chunk.length);
    joined.set(held);
    joined.set(chunk, held.length);
    held = joined;
    for (;;) {
      if (length < 0) {
        const end = endOfHead(held);
        if (end < 0) break;
        const found = /content-length:\s*(\d+)/i.exec(new TextDecoder('latin1').decode(held.subarray(0, end)));
        if (!found || Number(found[1]) > LONGEST_PICTURE) throw new Error('a picture without a length');
        length = Number(found[1]);
        held = held.slice(end + 4);
      }
      if (held.length < length) break;
      yield new Blob([held.subarray(0, length)], { type: 'image/jpeg' });
      held = held.slice(length);
      length = -1;
    }
  }
}

/// Calls `heard` with each event until `signal`; comes back by itself, each time a little later. `joined` after every new start.
export async function listen(path, signal, joined, heard) {
  let wait = 500;
  while (!signal.aborted) {
    const gate = linked(signal);
    try {
      const response = await request(path, { signal: gate.signal });
      wait = 500;
      joined();
      const decoder = new TextDecoder();
      let held = '';
      for await (const chunk of chunks(response, SILENCE, () => gate.abort())) {
        const blocks = (held + decoder.decode(chunk, { stream: true })).split(/\r?\n\r?\n/);
        held = blocks.pop();
        for (const block of blocks) tell(block, heard);
      }
    } catch {
      // Said by the banner; tried again below.
    }
    await pause(wait, signal);
    wait = Math.min(wait * 2, 15_000);
  }
}

function tell(block, heard) {
  const lines = block.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  if (!lines.length) return;
  let event;
  try {
    event = JSON.parse(lines.map((line) => line.slice(5)).join('\n'));
  } catch {
    return;
  }
  heard(event);
}

function linked(signal) {
  const gate = new AbortController();
  if (signal.aborted) gate.abort();
  signal.addEventListener('abort', () => gate.abort(), { once: true, signal: gate.signal });
  return gate;
}
