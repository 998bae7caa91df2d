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
/// Until then the last one is held back.
let held = 0;

export const isAnswered = (id) => settled.has(id) || answers.some((one) => one.id === id);
export const last = () => (answers.length && !answers.at(-1).tried ? answers.at(-1) : null);

function keep() {
  sessionStorage.setItem(PLACE, JSON.stringify(answers));
  emit('answers');
}

export function answer(id, label) {
  if (isAnswered(id)) return;
  answers.push({ id, label });
  held = Date.now() + GRACE;
  keep();
  work();
}

/// The last answer, which now was not given; null where it is too late.
export function takeBack() {
  const taken = last();
  if (!taken) return null;
  answers.pop();
  keep();
  return taken;
}

/// Sends the last one as well.
export function flush() {
  held = 0;
  work();
}

const isDue = () => answers.length > (Date.now() < held ? 1 : 0);

/// Sends what is due, one after the other, and comes again for the rest.
async function work() {
  // Whoever is at it goes on with what came meanwhile.
  if (sending || !mayChange()) return;
  clearTimeout(timer);
  let sent = false;
  while (isDue()) {
    const { id, tried } = (sending = answers[0]);
    sending.tried = true;
    keep();
    const failure = await tell(sending).then(() => null, (failure) => failure);
    sending = null;
    if (failure && isPassing(failure)) {
      // Where there was no answer, the banner says it.
      if (failure.status) emit('told', { failure, left: answers.length });
      timer = setTimeout(work, failure.after || AGAIN);
      return;
    }
    answers.shift();
    sent = true;
    // One that was cut off may have been done before.
    const isDone = !failure || (failure.status === 404 && tried);
    // What was refused is asked again, but for what waits no more.
    if (isDone || failure.status === 404) settled.add(id);
    keep();
    emit('told', { failure: isDone ? null : failure, left: 0 });
  }
  if (answers.length) timer = setTimeout(work, held - Date.now());
  if (!sent) return;
  refreshClasses().catch(() => {});
  emit('taught');
}

/// Another token may be allowed to.
const isPassing = (failure) => failure.isPassing || [401, 403].includes(failure.status);

function tell({ id, label }) {
  const options = { keepalive: true };
  return label === null ? send('v1/review/dismiss', { ids: [id] }, options) : send(`v1/review/${id}/label`, { label }, options);
}

on('back', work);
on('session', work);
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
