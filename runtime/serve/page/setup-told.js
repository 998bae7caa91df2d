// Set up: who is told of events, in words.

import { get, pause } from './api.js';
import { fill, h } from './dom.js';
import { say, when } from './language.js';

const LOOK = 3000;
const list = h('ul', { class: 'told', id: 'setup-told' });
const stale = h('p', { class: 'note', 'data-kind': 'failed', id: 'setup-told-old', role: 'status', hidden: true });
let gate = null;
let seen = null;

export const told = {
  element: h('section', { class: 'card', 'aria-labelledby': 'told-title' }, h('h2', { id: 'told-title' }, say('setup.told')), stale, list),
  show() {
    gate = new AbortController();
    follow(gate.signal);
  },
  pause() {
    gate?.abort();
  },
  hide() {
    told.pause();
  },
};

async function follow(signal) {
  while (!signal.aborted) {
    await get('v1/announcers', null, { signal }).then(draw, () => signal.aborted || old());
    await pause(LOOK, signal);
  }
}

/// What is shown is not how it is now.
function old() {
  if (seen) fill(stale, say('setup.told-old', { when: when(seen) }));
  stale.hidden = !seen;
}

function draw({ elsewhere, announcers }) {
  seen = new Date().toISOString();
  stale.hidden = true;
  if (elsewhere) return fill(list, h('li', { class: 'quiet' }, say('setup.told-elsewhere')));
  if (!announcers.length) return fill(list, h('li', { class: 'quiet' }, say('setup.told-nobody')));
  fill(list, announcers.map(line));
}

function line(one) {
  const { kind, address, state, since, trouble, told: count, waiting, lost, last_failure: failure } = one;
  const kinds = { mqtt: 'setup.kind-mqtt', webhook: 'setup.kind-webhook', program: 'setup.kind-program', log: 'setup.kind-log' };
  const words = say(kind === 'mqtt' ? `setup.broker.${state}` : `setup.receiver.${state}`, { when: when(since) });
  const numbers = [say('setup.told-count', { n: count }), waiting ? say('setup.told-waiting', { n: waiting }) : '', lost ? say('setup.told-lost', { n: lost }) : ''];
  const last = !trouble && failure ? say('setup.told-last', { when: when(failure.at) }) : '';
  return h(
    'li',
    { 'data-kind': kind, 'data-state': state },
    h('p', {}, h('strong', {}, say(kinds[kind] ?? 'setup.kind-webhook')), ' ', h('bdi', {}, address)),
    h('p', { class: 'told-state' }, words, trouble ? [' ', h('span', { lang: 'en' }, `(${trouble})`)] : ''),
    h('p', { class: 'quiet' }, numbers.filter(Boolean).join(' · '), last ? [h('br'), `${last} `, h('span', { lang: 'en' }, failure.because)] : ''),
  );
}
