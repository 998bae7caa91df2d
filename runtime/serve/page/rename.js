// Another name for a class; a name that there is merges the two.

import { on } from './bus.js';
import { rename } from './changes.js';
import { confirm, h, Note, offer } from './dom.js';
import { say } from './language.js';
import { listed, mayChange } from './store.js';
import { typed } from './words.js';

const note = new Note({ id: 'rename-note' });
const from = h('select', { id: 'rename-from' });
const to = h('input', { type: 'text', id: 'rename-to', autocomplete: 'off', spellcheck: 'false' });
const asked = h('div', {});
const form = h(
  'form',
  { class: 'row', onsubmit: submit },
  h('label', { class: 'field' }, h('span', {}, say('rename.class')), from),
  h('label', { class: 'field' }, h('span', {}, say('rename.new')), to),
  h('button', { type: 'submit', id: 'rename-go' }, say('rename.go')),
);

/// `reload` after it.
export function renaming(reload) {
  async function run(old, fresh) {
    const outcome = await rename(old, fresh, note, reload);
    if (!outcome) return;
    to.value = '';
    await reload();
  }
  act = run;
  return h('details', { class: 'card', id: 'rename' }, h('summary', {}, say('rename.title')), form, asked, note.element);
}

let act = null;

function submit(event) {
  event.preventDefault();
  const [old, fresh] = [from.value, typed(to)];
  if (!old || !fresh || old === fresh) return to.focus();
  const there = listed().find(({ label }) => label === fresh);
  if (!there?.pictures) return act(old, fresh);
  const mine = listed().find(({ label }) => label === old);
  confirm(asked, say('rename.question', { n: mine?.pictures ?? 0, from: old, to: fresh }), say('rename.together'), () => act(old, fresh));
}

on('classes', () => {
  const value = from.value;
  const there = listed().filter(({ pictures }) => pictures > 0);
  offer(from, there.map(({ label }) => [label, label]));
  if (there.some(({ label }) => label === value)) from.value = value;
  form.parentElement?.toggleAttribute('hidden', !there.length || !mayChange());
});
