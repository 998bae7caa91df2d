// Changes of stored pictures: never over somebody else's, and the last one can be undone.

import { get, send } from './api.js';
import { emit, on } from './bus.js';
import { button, fill, h, name } from './dom.js';
import { list, say, tell } from './language.js';
import { mayChange, refreshClasses, renamed } from './store.js';

/// Reloads for changes of others come no faster.
const BRAKE = 2000;

/// The version of the edits that are shown; pictures that come do not change it.
let version = null;
/// Changes of this page that the device has yet to announce.
let unheard = 0;
/// Ends with the last change that was asked for; one goes after the other, each on the version that the one before made.
let going = Promise.resolve();

export const seen = (now) => (version = now);
export const isSeen = (now) => now === version;

on('event', ({ event }) => {
  if (event !== 'samples') return;
  if (unheard > 0) unheard--;
  else elsewhere();
});
on('joined', () => (unheard = 0));
on('missed', () => {
  unheard = 0;
  elsewhere();
});

let told = 0;
let timer = null;

/// Tells those who show pictures that others changed some.
export function elsewhere() {
  timer ??= setTimeout(() => {
    timer = null;
    told = Date.now();
    emit('elsewhere');
  }, Math.max(0, told + BRAKE - Date.now()));
}

/// Asks for a change; the device announces one that did something, before or after it answers.
async function announced(ask, didSomething) {
  unheard++;
  let heard = false;
  try {
    const outcome = await ask();
    heard = didSomething(outcome);
    return outcome;
  } finally {
    if (!heard) unheard = Math.max(0, unheard - 1);
  }
}

export const undoButton = button(say('undo'), () => {}, { id: 'undo', hidden: true, 'aria-keyshortcuts': 'Control+Z' });

let last = null;
let undoing = false;
/// Grows with every look at the changes, so that an old answer does not count.
let looks = 0;

export async function refreshUndo() {
  const look = ++looks;
  const { changes } = await get('v1/changes');
  if (look !== looks) return;
  last = changes.length ? changes.reduce((a, b) => (a.id > b.id ? a : b)) : null;
  undoButton.hidden = !mayChange() || last === null;
  fill(undoButton, h('span', { class: 'clip' }, last ? say('undo.what', { what: what(last) }) : ''));
}

/// So many parts of a change are named.
const NAMED = 3;

/// What a change did, in words.
function what({ relabelled, removed }) {
  const form = ({ from, to }) => (to === null ? 'change.unnamed' : from === null ? 'change.named' : 'change.renamed');
  const parts = relabelled.map((part) => say(form(part), { n: part.count, from: part.from, to: part.to }));
  parts.push(...removed.map(({ label, count }) => (label === null ? say('change.removed', { n: count }) : say('change.removed-of', { n: count, from: label }))));
  const more = parts.length - NAMED;
  return list(more > 0 ? [...parts.slice(0, NAMED), say('change.more', { n: more })] : parts).join('');
}

/// Answers what it came to, or null where somebody else was quicker, which is said in `note` after `reload`.
const change = (...asked) => inTurn(() => make(...asked));

function inTurn(act) {
  const made = going.then(act);
  going = made.catch(() => {});
  return made;
}

async function make(path, json, note, reload) {
  try {
    const headers = version === null ? {} : { 'If-Match': `"${version}"` };
    const outcome = await announced(() => send(path, json, { headers }), ({ changed }) => changed > 0);
    seen(outcome.version);
    if (outcome.changed) last = { id: outcome.version };
    return outcome;
  } catch (failure) {
    if (failure.status === 412) {
      await reload().catch(() => {});
      note.fail(say('change.elsewhere'));
    } else note.fail(failure);
    return null;
  } finally {
    emit('taught');
    refreshClasses().catch(() => {});
    refreshUndo().catch(() => {});
  }
}

export async function relabel(ids, label, note, reload) {
  const outcome = await change('v1/samples/relabel', { ids, label }, note, reload);
  if (outcome) note.good(...(label === null ? tell('changed.unnamed', { n: outcome.changed }) : tell('changed.named', { n: outcome.changed, name: name(label) })));
  return outcome;
}

export async function remove(ids, note, reload) {
  const outcome = await change('v1/samples/remove', { ids }, note, reload);
  if (outcome) note.good(say('changed.removed', { n: outcome.changed }));
  return outcome;
}

export async function rename(from, to, note, reload) {
  const outcome = await change('v1/labels/rename', { from, to }, note, reload);
  if (outcome) renamed(from, to);
  if (outcome) note.good(...tell('changed.renamed', { n: outcome.changed, from: name(from), to: name(to) }));
  return outcome;
}

export async function undo(note, reload) {
  if (undoing || !mayChange()) return;
  undoing = true;
  try {
    await inTurn(() => last && takeBack(last, note, reload));
  } finally {
    undoing = false;
  }
}

async function takeBack(change, note, reload) {
  last = null;
  looks++;
  try {
    const outcome = await announced(() => send(`v1/changes/${change.id}/undo`), () => true);
    seen(outcome.version);
    await reload();
    note.good(change.relabelled ? say('undone.what', { what: what(change) }) : say('undone'));
  } catch (failure) {
    await reload().catch(() => {});
    if (failure.status === 409 || failure.status === 404) note.fail(say('undone.not'));
    else note.fail(failure);
  } finally {
    last = null;
    emit('taught');
    refreshClasses().catch(() => {});
    refreshUndo().catch(() => {});
  }
}
