// Trust: how good it is, where it decides, how far to believe it, whether cameras still show what was taught, and the versions.

import { get } from './api.js';
import { on } from './bus.js';
import { everywhere, holdsFor, useVersion } from './choose.js';
import { confusion } from './confusion.js';
import { button, fill, h, Note, set } from './dom.js';
import { drift } from './drift.js';
import { act, history } from './history.js';
import { say } from './language.js';
import { reliability } from './reliability.js';
import { heads, refreshHeads } from './store.js';
import { decided, threshold } from './threshold.js';

const PARTS = [confusion, threshold, reliability];

const note = new Note({ id: 'trust-failed' });
const which = h('p', { id: 'trust-version' });
const parts = h('div', { class: 'trust' }, PARTS.map((part) => part.element), drift.element, history.element);
const nothing = h('div', { class: 'nothing', hidden: true }, h('p', {}, say('trust.untaught')), h('p', {}, h('a', { href: '#teach' }, say('trust.teach'))));

let shown = false;
/// The version that somebody wants to look at; null for the one in use.
let looked = null;
/// What is drawn: a version, and whether it was the one in use.
let drawn = null;
let turn = 0;

export const trust = {
  usesSource: false,
  element: h('div', { class: 'stack' }, which, note.element, nothing, parts),
  show() {
    shown = true;
    refresh();
    confusion.again();
    drift.show();
    refreshHeads().catch(() => {});
  },
  hide() {
    shown = false;
  },
};

// Its own looks, which the first screens do not pay for.
await new Promise((settle) => document.head.append(h('link', { rel: 'stylesheet', href: 'page/trust.css', onload: settle, onerror: settle })));

on('heads', () => shown && refresh());
on('session', () => shown && refresh());
for (const topic of ['back', 'missed']) on(topic, () => shown && (refresh(), drift.show()));
on('event', ({ event }) => shown && event === 'drift' && drift.show());

function wanted() {
  if (!heads.heads.some(({ version }) => version === looked)) looked = null;
  return looked ?? heads.live;
}

async function refresh() {
  const version = wanted();
  nothing.hidden = version !== null || !heads.known;
  parts.hidden = version === null;
  history.draw(version, look);
  sayWhich(version);
  const now = JSON.stringify([version, heads.live]);
  if (version === null || drawn === now) return;
  drawn = now;
  const mine = ++turn;
  set(parts, 'aria-busy', 'true');
  try {
    const report = await get(`v1/heads/${version}/report`, {}, { seconds: 60 });
    if (mine !== turn) return;
    note.clear();
    for (const part of PARTS) part.show(report);
    parts.dataset.version = String(version);
  } catch (failure) {
    if (mine !== turn) return;
    drawn = null;
    note.fail(failure);
  } finally {
    if (mine === turn) set(parts, 'aria-busy', null);
  }
}

function sayWhich(version) {
  which.hidden = version === null;
  const live = version === heads.live;
  const held = which.contains(document.activeElement);
  fill(which, say(live ? 'trust.of.live' : 'trust.of.other', { version: String(version), live: String(heads.live ?? '–') }), live ? null : [' ', button(say('trust.look.live'), () => look(null), { class: 'small' })]);
  if (held) (which.querySelector('button') ?? document.getElementById('title')).focus({ preventScroll: true });
}

function look(version) {
  looked = version === heads.live ? null : version;
  refresh();
  document.getElementById('title').focus({ preventScroll: true });
  scrollTo(0, 0);
}

threshold.onsaved(async (live, before) => {
  looked = null;
  await everywhere();
  decided.good(say('trust.saved', { version: String(live) }), ' ', button(say('trust.back.to', { version: String(before) }), () => act(() => useVersion(before)).then(() => decided.clear()), { id: 'back-to', class: 'small' }));
  holdsFor(live, decided);
});
