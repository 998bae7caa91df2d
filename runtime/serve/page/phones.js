// Phones: a code that lets the next one in, all that are in, and putting one out.

import { get, pause, send } from './api.js';
import { on } from './bus.js';
import { button, confirm, fill, h, name, Note, set } from './dom.js';
import { say, tell, when } from './language.js';
import { mayChange, session } from './store.js';

const SVG = 'http://www.w3.org/2000/svg';
/// Between two looks at the list.
const PACE = 3000;

document.head.append(h('link', { rel: 'stylesheet', href: 'page/phones.css' }));

const note = new Note({ id: 'phones-note' });
const shown = h('div', { id: 'phones-code' });
const list = h('ul', { class: 'phones', id: 'phones-list', 'aria-label': say('pair.list') });
const looks = h('input', { type: 'checkbox', id: 'phones-looks' });
const ask = button(say('pair.ask'), invite, { class: 'primary', id: 'phones-ask' });
const inviting = h('div', { class: 'row' }, ask, h('label', { class: 'check', for: 'phones-looks' }, looks, say('pair.looks')));
const unreachable = h('p', { class: 'note', 'data-kind': 'said', hidden: true }, say('pair.unreachable'));
const lead = h('p', {}, say('pair.lead'));
let gate = null;
let offer = null;
let before = new Set();

export const phones = {
  element: h('section', { class: 'card', id: 'phones', 'aria-labelledby': 'phones-title' }, h('h2', { id: 'phones-title' }, say('pair.title')), lead, unreachable, inviting, note.element, shown, list),
  show() {
    gate = new AbortController();
    admit();
    follow(gate.signal);
  },
  /// A code stays where only another tab was opened, as whoever types it does.
  pause() {
    gate?.abort();
  },
  hide() {
    phones.pause();
    forget();
    note.clear();
  },
};

on('session', admit);

/// A device to which everybody on it may do all has nobody to let in.
function admit() {
  inviting.hidden = !mayChange() || session.access === 'open';
  lead.textContent = session.access === 'open' ? say('pair.open') : say('pair.lead');
}

async function invite() {
  ask.disabled = true;
  note.clear();
  try {
    const page = location.href.split('#')[0];
    const made = await send('v1/phones/code', { page, right: looks.checked ? 'read' : 'write' });
    before = new Set((await get('v1/phones')).phones.map(({ number }) => number));
    offer = { ...made, until: Date.now() + made.seconds * 1000 };
    draw();
  } catch (failure) {
    note.fail(failure);
  } finally {
    ask.disabled = false;
  }
}

function draw() {
  const left = h('p', { class: 'quiet', id: 'phones-left' });
  const plain = offer.url.startsWith('http:');
  fill(
    shown,
    h(
      'div',
      { class: 'invitation' },
      offer.qr.length ? picture(offer.qr) : null,
      h(
        'div',
        { class: 'stack' },
        h('p', {}, say('pair.scan')),
        h('p', { class: 'quiet' }, tell('pair.type', { address: h('bdi', {}, offer.url.split('#')[0]), code: h('strong', { class: 'code', id: 'phones-typed' }, offer.code) })),
        left,
        plain ? h('p', { class: 'note', id: 'phones-plain' }, say('pair.plain')) : null,
        session.certificate && !plain ? h('p', { class: 'quiet' }, say('pair.certificate'), ' ', h('code', { class: 'fingerprint' }, pairs(session.certificate))) : null,
        h('div', { class: 'row' }, button(say('pair.done'), forget)),
      ),
    ),
  );
  tick();
}

function forget() {
  offer = null;
  fill(shown);
}

function tick() {
  const left = document.getElementById('phones-left');
  if (!offer || !left) return;
  const seconds = Math.round((offer.until - Date.now()) / 1000);
  if (seconds <= 0) {
    forget();
    return note.say(say('pair.over'));
  }
  left.textContent = seconds > 90 ? say('pair.minutes', { n: Math.ceil(seconds / 60) }) : say('pair.seconds', { n: seconds });
}

/// Dark on light whatever the colours of the page, for a camera to read.
function picture(rows) {
  const runs = rows.flatMap((row, y) => [...row.matchAll(/1+/g)].map(({ 0: run, index }) => `M${index} ${y}h${run.length}v1h-${run.length}z`));
  const drawing = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  for (const [key, value] of [['viewBox', `0 0 ${rows.length} ${rows.length}`], ['class', 'qr'], ['role', 'img'], ['aria-label', say('pair.picture')], ['shape-rendering', 'crispEdges']]) set(drawing, key, value);
  set(path, 'd', runs.join(''));
  drawing.append(path);
  return drawing;
}

/// A line may end behind each colon.
const pairs = (digits) => digits.toUpperCase().match(/../g).flatMap((byte, place) => (place ? [':', h('wbr'), byte] : [byte]));

async function follow(signal) {
  for (let next = 0; !signal.aborted; await pause(1000, signal)) {
    tick();
    if (Date.now() < next) continue;
    next = Date.now() + PACE;
    try {
      const told = await get('v1/phones', null, { signal });
      if (!signal.aborted) display(told);
    } catch {
      // The banner says it.
    }
  }
}

let drawn = '';

function display({ phones: all, reachable }) {
  const fresh = offer && all.find(({ number }) => !before.has(number));
  if (fresh) {
    forget();
    note.good(...tell('pair.in', { phone: name(fresh.name) }));
  }
  unreachable.hidden = reachable || session.access === 'open' || !['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
  // What has the focus, or is asked about, stays: when each was last seen changes all the time.
  const text = JSON.stringify([mayChange(), all.map(({ used, ...rest }) => rest)]);
  for (const { number, used } of all) {
    const place = list.querySelector(`[data-used="${number}"]`);
    if (place) place.textContent = seen(used);
  }
  if (text === drawn || list.querySelector('.confirm')) return;
  drawn = text;
  fill(list, all.length ? all.map(row) : h('li', { class: 'quiet' }, say('pair.none')));
}

const seen = (used) => (used ? say('pair.used', { when: when(used) }) : say('pair.unused'));

function row({ number, name: called, right, paired, used, own }) {
  const place = h('div');
  const facts = [
    right === 'read' ? say('pair.may-look') : say('pair.may-change'),
    say('pair.since', { when: when(paired) }),
  ];
  const question = () => tell(own ? 'pair.question-own' : 'pair.question', { phone: called }).join('');
  const out = button(say('pair.out'), () => confirm(place, question(), say('pair.out'), () => withdraw(number, called)), {
    'data-withdraw': number,
    'aria-label': say('pair.out-of', { phone: called }),
  });
  return h('li', {}, h('div', {}, h('p', {}, name(called), own ? ` ${say('pair.own')}` : ''), h('p', { class: 'quiet' }, facts.join(' · '), ' · ', h('span', { 'data-used': number }, seen(used)))), mayChange() ? out : null, place);
}

async function withdraw(number, called) {
  try {
    await send(`v1/phones/${number}/withdraw`, {});
    // It may have had the code that is shown.
    forget();
    note.good(...tell('pair.gone', { phone: name(called) }));
    display(await get('v1/phones'));
  } catch (failure) {
    if (failure.status !== 401) note.fail(failure);
  }
}
