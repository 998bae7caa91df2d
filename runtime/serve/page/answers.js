// Answers about pictures that wait: the last one can be taken back for a while, and none is lost where the network goes.

import { send } from './api.js';
import { emit, on } from './bus.js';
import { mayChange, refreshClasses } from './store.js';

const PLACE = 'edgetl-answers';
/// So long the last one can be taken back.
const GRACE = 8000;
const AGAIN = 5000;

/// Each `{ id, label, tried }`, the oldest first; without a label it is not worth keeping. What was tried may have been done, though nobody
/// heard of it.
const answers = JSON.parse(sessionStorage.getItem(PLACE) ?? '[]');
/// Those that the device knows; no number is given twice.
const settled = new Set();
let sending = null;
let timer = null;

export const isAnswered = (id) => settled.has(id) || answers.some((one) => one.id === id);
export const last = () => (answers.length && !answers.at(-1).tried ? answers.at(-1) : null);

function keep() {
  sessionStorage.setItem(PLACE, JSON.stringify(answers));
  emit('answers');
}

export function answer(id, label) {
  if (isAnswered(id)) return;
  answers.push({ id, label });
  keep();
  flush(1);
  later(GRACE);
}

/// The last answer, which now was not given; null where it is too late.
export function takeBack() {
  const taken = last();
  if (!taken) return null;
  answers.pop();
  keep();
  return taken;
}

function later(time) {
  clearTimeout(timer);
  timer = setTimeout(() => flush(), time);
}

/// Sends all but the last `held`.
export async function flush(held = 0) {
  if (sending || answers.length <= held || !mayChange()) return;
  while (answers.length > held) {
    const { id, tried } = (sending = answers[0]);
    sending.tried = true;
    keep();
    const failure = await tell(sending).then(() => null, (failure) => failure);
    sending = null;
    if (failure && isPassing(failure)) {
      if (failure.status === 403) emit('told', { failure });
      return later(AGAIN);
    }
    answers.shift();
    // One that was cut off may have been done before.
    const isDone = !failure || (failure.status === 404 && tried);
    // What was refused is asked again, but for what waits no more.
    if (isDone || failure.status === 404) settled.add(id);
    keep();
    emit('told', { failure: isDone ? null : failure });
  }
  refreshClasses().catch(() => {});
  emit('taught');
}

/// Whether the same may be taken another time.
const isPassing = ({ status }) => [0, 401, 403, 408, 429].includes(status) || status >= 500;

function tell({ id, label }) {
  const options = { keepalive: true };
  return label === null ? send('v1/review/dismiss', { ids: [id] }, options) : send(`v1/review/${id}/label`, { label }, options);
}

on('back', () => flush());
on('session', () => flush());
// The browser goes on with what was sent when its page is gone.
window.addEventListener('pagehide', () => {
  for (const one of answers) {
    if (one === sending || !mayChange()) continue;
    one.tried = true;
    tell(one).catch(() => {});
  }
  keep();
});
window.addEventListener('pageshow', ({ persisted }) => persisted && flush());
// What nobody could be told of is lost with the tab.
window.addEventListener('beforeunload', (event) => answers.some((one) => one.tried && one !== sending) && event.preventDefault());
