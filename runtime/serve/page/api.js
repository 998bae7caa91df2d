// Requests to the device. Addresses are relative, so the page works behind a prefix.

import { emit, on } from './bus.js';
import { known, say } from './language.js';

const PLACE = 'edgetl-token';

/// What went wrong, in words for whoever looks at the page. Status 0: there was no answer.
export class Failure extends Error {
  /// What the device says in English, where the page has no text for it.
  foreign = false;
  code = null;
  hint = null;
  constructor(status, message) {
    super(message);
    this.status = status;
  }
  /// Whether the same may be taken another time.
  get isPassing() {
    return [0, 408, 429].includes(this.status) || this.status >= 500;
  }
}

/// When the device said anything to any part of the page.
let heard = 0;
on('contact', ({ lost }) => lost === null && (heard = Date.now()));

let token = sessionStorage.getItem(PLACE) ?? localStorage.getItem(PLACE) ?? '';

/// One that was typed is gone with the tab; that of a paired phone is its own, and stays until another one lets it in.
export function useToken(text, stays = false) {
  token = text;
  sessionStorage.removeItem(PLACE);
  (stays ? localStorage : sessionStorage).setItem(PLACE, text);
}

/// The device does not know the token now: that of a paired phone is tried again when the page is loaded next.
export function dropToken() {
  token = '';
  sessionStorage.removeItem(PLACE);
}

/// The device knows the token: one that it does not know is of no use beside it.
export function tokenHolds() {
  if (token && !isPaired()) localStorage.removeItem(PLACE);
}

export const isPaired = () => token !== '' && localStorage.getItem(PLACE) === token;

export const hasToken = () => token !== '';

export const pause = (milliseconds, signal) =>
  new Promise((settle) => {
    if (signal?.aborted) return settle();
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', over);
      settle();
    };
    const timer = setTimeout(over, milliseconds);
    signal?.addEventListener('abort', over);
  });

/// `crypto.randomUUID` is not there on pages without https.
export function unique() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function address(path, query) {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined);
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

async function failureOf(response) {
  let problem = {};
  if (/json/.test(response.headers.get('content-type') ?? '')) problem = await response.json().catch(() => ({}));
  const { code, detail, hint } = problem;
  const said = `problem.${code}`;
  const foreign = !known(said) && detail;
  const words = known(said) ? say(said) : say('problem.status', { status: `${response.status} ${response.statusText}`.trim() });
  const failure = Object.assign(new Failure(response.status, foreign ? detail : words), { code, foreign: Boolean(foreign), hint: foreign ? hint : null });
  failure.after = Number(response.headers.get('retry-after')) * 1000 || 0;
  return failure;
}

/// Of good responses: what lets go of the caller's signal, once the body was read.
const frees = new WeakMap();

/// The response, once it is a good one. `seconds` is how long to wait for its head.
export async function request(path, options = {}) {
  const { method = 'GET', query, json, body, headers = {}, signal, seconds = 20, cache = 'no-store', keepalive = false } = options;
  const gate = new AbortController();
  const stop = () => gate.abort();
  const free = () => signal?.removeEventListener('abort', stop);
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop);
  const timer = setTimeout(stop, seconds * 1000);
  const sent = { ...headers };
  const used = token;
  if (used) sent.Authorization = `Bearer ${used}`;
  if (json !== undefined) sent['Content-Type'] = 'application/json';
  const since = Date.now();
  let response;
  try {
    response = await fetch(address(path, query), {
      method,
      headers: sent,
      body: json === undefined ? body : JSON.stringify(json),
      signal: gate.signal,
      cache,
      keepalive,
    });
  } catch (error) {
    free();
    if (signal?.aborted) throw error;
    // It answers others, so it is there and takes longer.
    if (gate.signal.aborted && heard > since) throw Object.assign(new Failure(503, say('problem.busy')), { code: 'busy' });
    emit('contact', { lost: since });
    throw new Failure(0, say('problem.silent'));
  } finally {
    clearTimeout(timer);
  }
  emit('contact', { lost: null });
  if (response.ok) {
    frees.set(response, free);
    return response;
  }
  // An answer to the token before says nothing of this one.
  if (response.status === 401 && used === token) emit('denied');
  throw await failureOf(response).finally(free);
}

export async function get(path, query, { signal, seconds } = {}) {
  return read(await request(path, { query, signal, seconds }), signal);
}

export async function getPicture(path, signal) {
  return read(await request(path, { signal }), signal, 'blob');
}

export async function send(path, json, options = {}) {
  return read(await request(path, { method: 'POST', json, ...options }), options.signal);
}

export async function sendPicture(path, query, picture, options = {}) {
  const headers = { ...options.headers };
  if (picture) headers['Content-Type'] = picture.type || 'application/octet-stream';
  return read(await request(path, { method: 'POST', ...options, query, headers, body: picture ?? undefined }), options.signal);
}

async function read(response, signal, as = 'json') {
  try {
    return await response[as]();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure(0, say('problem.cut'));
  } finally {
    frees.get(response)?.();
  }
}
