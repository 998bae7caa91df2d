// Set up: the whole state as a file, and back.

import { get, hasToken, pause, request } from './api.js';
import { on } from './bus.js';
import { button, confirm, fill, h, Note } from './dom.js';
import { number, say } from './language.js';
import { mayChange } from './store.js';

/// Checking a large backup takes a device this long.
const PATIENCE = 3600;

const download = h('a', { class: 'button', href: 'v1/backup', download: 'edgetl-backup.tar', id: 'backup', onclick: save }, say('setup.download'));
const file = h('input', { type: 'file', class: 'reach', accept: '.tar,application/x-tar', id: 'restore-file', onchange: () => bring() });
const choose = h('label', { class: 'button', id: 'restore' }, file, say('setup.restore'));
const asked = h('div', { id: 'restore-ask' });
const waiting = h('div', { class: 'panel', id: 'restore-waiting', hidden: true });
const note = new Note({ id: 'backup-note' });
const busy = h('progress', { 'aria-label': say('setup.busy'), hidden: true });

export const backup = {
  element: h(
    'section',
    { class: 'card', 'aria-labelledby': 'backup-title' },
    h('h2', { id: 'backup-title' }, say('setup.backup')),
    h('p', { class: 'quiet' }, say('setup.backup-lead')),
    h('div', { class: 'row' }, download, choose, busy),
    note.element,
    asked,
    waiting,
  ),
  show() {
    choose.hidden = !mayChange();
    look().catch(() => {});
  },
  pause() {},
  hide() {},
};

on('session', () => (choose.hidden = !mayChange()));

const size = (bytes) => say('setup.megabytes', { size: number(bytes / 1e6, { maximumFractionDigits: 1 }) });

/// A link cannot bring a token.
async function save(event) {
  if (!hasToken()) return;
  event.preventDefault();
  await working(say('setup.downloading'), async () => {
    const response = await request('v1/backup', { seconds: PATIENCE });
    const url = URL.createObjectURL(await response.blob());
    h('a', { href: url, download: 'edgetl-backup.tar' }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    note.clear();
  });
}

async function working(words, act) {
  note.say(words);
  busy.hidden = false;
  try {
    await act();
  } catch (failure) {
    note.fail(failure);
  } finally {
    busy.hidden = true;
  }
}

async function bring() {
  const [chosen] = file.files;
  file.value = '';
  if (!chosen) return;
  fill(asked);
  await working(say('setup.checking', { size: size(chosen.size) }), async () => {
    const headers = { 'Content-Type': 'application/x-tar' };
    await request('v1/restore', { method: 'POST', headers, body: chosen, seconds: PATIENCE });
    note.clear();
    await look();
    waiting.querySelector('h3').focus();
  });
}

async function look() {
  const { waiting: found, because } = await get('v1/restore');
  waiting.hidden = !found;
  if (!found) return;
  const { samples, heads, bytes, replaced } = found;
  const holds = [say('setup.holds-pictures', { n: samples }), say('setup.holds-heads', { n: heads }), size(bytes)].join(' · ');
  fill(
    waiting,
    h('h3', { tabindex: '-1' }, say('setup.waits')),
    h('p', {}, holds),
    because ? h('p', { class: 'note', 'data-kind': 'failed' }, say('setup.not-restored'), ' ', h('span', { lang: 'en' }, because)) : null,
    h('p', { class: 'quiet' }, say('setup.waits-lead', { folder: replaced })),
    mayChange() ? h('div', { class: 'row' }, button(say('setup.restore-now'), () => ask(replaced), { class: 'primary', id: 'restore-now' }), button(say('setup.discard'), discard, { id: 'restore-discard' })) : null,
  );
}

function ask(folder) {
  confirm(asked, say('setup.restore-sure', { folder }), say('setup.restore-now'), begin);
}

async function discard() {
  try {
    await request('v1/restore', { method: 'DELETE' });
    note.say(say('setup.discarded'));
    await look();
  } catch (failure) {
    note.fail(failure);
  }
}

/// The device starts anew; whatever this page shows is of what was there before.
async function begin() {
  await working(say('setup.restoring'), async () => {
    const before = await get('v1/restore');
    const { replaced } = await request('v1/restore/begin', { method: 'POST' }).then((response) => response.json());
    for (let turn = 0; ; turn++) {
      await pause(1000);
      const state = await get('v1/restore', null, { seconds: 5 }).catch((failure) => {
        if (failure.status && failure.status < 500) throw failure;
        return null;
      });
      if (state?.done === replaced) return location.reload();
      if (state && state.tried !== before.tried) {
        await look();
        if (state.because) return note.clear();
        throw new Error(say('setup.restore-gone'));
      }
      if (turn > 120) throw new Error(say('setup.restore-lost'));
    }
  });
}
