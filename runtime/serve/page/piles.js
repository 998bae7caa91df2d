// Correct, second part: pictures without a name, gathered by likeness, named with one click.

import { get } from './api.js';
import { on } from './bus.js';
import { elsewhere, relabel, seen } from './changes.js';
import { fill, h, Note, set } from './dom.js';
import { say, tell } from './language.js';
import { naming, teachNow } from './naming.js';
import { listed, mayChange } from './store.js';
import { letGo, stored } from './thumbs.js';

const SHOWN = 12;
/// Pictures that somebody tapped out of their pile.
const left = new Set();
const note = new Note({ id: 'piles-note' });
const list = h('ul', { class: 'piles', id: 'piles' });
let shown = false;
let loading = false;
let unread = false;
/// The answer that is drawn.
let drawn = '';

export const piles = {
  title: say('piles.title'),
  element: h('div', { class: 'stack' }, note.element, list),
  show() {
    shown = true;
    load();
  },
  hide() {
    shown = false;
  },
};

for (const topic of ['back', 'missed', 'elsewhere']) {
  on(topic, () => {
    if (!shown) return;
    if (loading || isBusy()) elsewhere();
    else load();
  });
}

/// What somebody works on is not taken away.
const isBusy = () => list.contains(document.activeElement) || [...list.querySelectorAll('input')].some(({ value }) => value);

async function load(anyway = false) {
  loading = true;
  try {
    const found = await get('v1/piles', null, { seconds: 60 });
    if (unread) note.recovered();
    unread = false;
    const { version, ...rest } = found;
    const now = JSON.stringify([rest, mayChange(), listed().map(({ label }) => label)]);
    if (now !== drawn && !anyway && isBusy()) return elsewhere();
    seen(version);
    if (now === drawn) return;
    drawn = now;
    letGo(list);
    fill(list, found.piles.map(pile));
    if (!found.piles.length && found.unlabelled) fill(list, h('li', { class: 'nothing' }, h('p', {}, say('piles.ungrouped', { n: found.unlabelled }))));
    else if (!found.piles.length) fill(list, h('li', { class: 'nothing' }, h('p', {}, say('piles.none')), h('p', { class: 'quiet' }, tell('piles.help', { teach: h('a', { href: '#teach' }, say('nav.teach')) }))));
    else if (found.left_out) list.append(h('li', { class: 'quiet' }, say('piles.left-out', { n: found.left_out })));
  } catch (failure) {
    unread = true;
    note.fail(failure);
  } finally {
    loading = false;
  }
}

function pile({ ids, nearest }) {
  const wanted = () => ids.filter((id) => !left.has(id));
  const title = h('h2', {}, words(wanted().length));
  const toggles = ids.slice(0, SHOWN).map((id) => {
    const toggle = h('button', { type: 'button', class: 'pick', 'aria-pressed': left.has(id) ? 'false' : 'true', 'aria-label': say('piles.belongs', { id: String(id) }) }, stored(id));
    toggle.addEventListener('click', () => {
      if (!left.delete(id)) left.add(id);
      set(toggle, 'aria-pressed', left.has(id) ? 'false' : 'true');
      title.textContent = words(wanted().length);
    });
    return toggle;
  });
  const rest = ids.length > SHOWN ? h('span', { class: 'rest' }, say('piles.rest', { n: ids.length - SHOWN })) : null;
  const choose = mayChange() ? naming((label) => call(ids, wanted(), label), { first: nearest, legend: say('piles.what'), field: say('naming.new') }) : null;
  return h('li', { class: 'card', 'data-pile': ids[0] }, title, h('div', { class: 'strip' }, toggles, rest), choose);
}

const words = (n) => say('piles.pile', { n });

async function call(all, ids, label) {
  if (!ids.length) return note.say(say('piles.empty'));
  if (!(await relabel(ids, label, note, () => load(true)))) return;
  note.element.append(' ', ...teachNow());
  all.forEach((id) => left.delete(id));
  await load(true);
  list.querySelector('button')?.focus();
}
