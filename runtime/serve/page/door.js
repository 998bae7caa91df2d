// The form for the access token, where the device wants one.

import { dropToken, hasToken, isPaired, useToken } from './api.js';
import { h, Note } from './dom.js';
import { say } from './language.js';

const note = new Note({ id: 'token-note' });
const field = h('input', { type: 'password', id: 'token', autocomplete: 'off', spellcheck: 'false' });
let enter = null;

export const door = {
  element: h('section', { class: 'card door', id: 'door' }),
  /// `opened` once a token was given.
  ask(opened) {
    enter = opened;
    // Why a code did not hold goes before.
    if (hasToken() && note.element.hidden) note.fail(say(isPaired() ? 'door.withdrawn' : 'door.wrong'));
    dropToken();
  },
  /// Somebody is in: what was said at the door does not count any more.
  settle() {
    note.clear();
  },
  /// Comes in by a code; gives why it did not hold, and says so.
  async bring(code) {
    try {
      const { pair } = await import('./pairing.js');
      await pair(code);
      note.clear();
      return null;
    } catch (failure) {
      note.fail(failure);
      return failure;
    }
  },
};

door.element.append(
  h('h2', {}, say('door.token')),
  h('p', {}, say('door.why')),
  h('form', { class: 'row', onsubmit: submit }, h('label', { class: 'reach', for: 'token' }, say('door.token')), field, h('button', { type: 'submit', class: 'primary' }, say('door.open'))),
  h('p', { class: 'quiet' }, say('door.scan')),
  note.element,
);

/// Twelve letters and digits are a code; tokens are longer.
const isCode = (text) => /^[0-9a-z]{12}$/i.test(text.replace(/[\s-]/g, ''));

async function submit(event) {
  event.preventDefault();
  const text = field.value.trim();
  if (!text) return field.focus();
  if (!isCode(text) && !/^[\x21-\x7e]+$/.test(text)) return note.fail(say('door.letters'));
  if (!isCode(text)) useToken(text);
  else if (await door.bring(text)) return;
  field.value = '';
  note.clear();
  enter();
}
