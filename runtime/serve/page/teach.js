// Teach: a button a class, held to collect pictures.

import { get } from './api.js';
import { on } from './bus.js';
import { fill, h, name, Note } from './dom.js';
import { fit } from './fit.js';
import { known, percent, say, tell } from './language.js';
import { source } from './source.js';
import { addClass, byKey, classes, gathered, listed, mayChange, refreshClasses, session } from './store.js';
import { dropTarget, Tile } from './tile.js';
import { Uploads } from './upload.js';
import { asItComes, poverty, typed } from './words.js';

/// What goes before in the device may take so many seconds.
const PATIENCE = 180;

const tiles = new Map();
const list = h('ul', { class: 'tiles', id: 'tiles' });
const note = new Note({ id: 'burst-note' });
const lead = h('p', { id: 'teach-lead' });
const help = h('p', { class: 'quiet', id: 'hold-help' });
const advice = h('p', { id: 'advice', class: 'quiet', hidden: true });
const uploads = new Uploads();
const field = h('input', { type: 'text', id: 'new-class', autocomplete: 'off', spellcheck: 'false', placeholder: say('teach.new') });
const form = h(
  'form',
  { class: 'row new-class', onsubmit: add },
  h('label', { class: 'reach', for: 'new-class' }, say('teach.new')),
  field,
  h('button', { type: 'submit', id: 'add-class' }, say('teach.add')),
);
const anyFiles = h('input', { type: 'file', multiple: true, accept: 'image/*', class: 'reach', id: 'any-files' });
anyFiles.addEventListener('change', () => {
  uploads.add([...anyFiles.files], null);
  anyFiles.value = '';
});
const anyDrop = h('div', { class: 'drop', id: 'drop' }, h('p', { class: 'quiet' }, tell('teach.drop', { correct: h('a', { href: '#correct' }, say('nav.correct')) })), h('label', { class: 'button small' }, say('teach.add-unnamed'), anyFiles));
const writing = h('div', { class: 'stack' }, form, uploads.element, anyDrop);

export const teach = {
  usesSource: true,
  place: h('div', { class: 'slot' }),
  element: null,
  show() {
    shown = true;
    refreshClasses().catch((failure) => failure.status && note.fail(failure));
    askAdvice();
    fit.show();
  },
  hide() {
    shown = false;
    for (const tile of tiles.values()) tile.end();
  },
};
teach.element = h(
  'div',
  { class: 'two teaching' },
  h('div', { class: 'left' }, teach.place, fit.element),
  h('section', { class: 'card', 'aria-labelledby': 'classes-title' }, h('h2', { id: 'classes-title' }, say('teach.classes')), lead, help, list, note.element, writing),
);
fit.element.insertBefore(advice, fit.element.children[1]);

let shown = false;
let gate = null;
/// Bursts with a picture on its way.
const going = new Set();

dropTarget(anyDrop, (files) => uploads.add(files, null));
// A file that misses must not take the page away.
for (const kind of ['dragover', 'drop']) document.addEventListener(kind, (event) => event.dataTransfer?.types.includes('Files') && event.preventDefault());
/// One at a time: the device works on one after the other.
const askAdvice = gathered(advise);

on('classes', draw);
on('session', draw);
on('fitted', askAdvice);
on('back', () => {
  // What was asked over a connection that is gone is not answered.
  gate?.abort();
  if (shown) askAdvice();
});
on('taught', () => shown && askAdvice());

function add(event) {
  event.preventDefault();
  const label = typed(field);
  if (!label) return field.focus();
  const there = tiles.has(label);
  addClass(label);
  field.value = '';
  const tile = tiles.get(label);
  tile?.hold.focus();
  tile?.element.scrollIntoView({ block: 'nearest' });
  note.say(...(tell(there ? 'teach.there' : 'teach.hold', { class: name(label) })));
}

function draw() {
  const may = mayChange();
  const entries = listed();
  const labels = new Set(entries.map(({ label }) => label));
  for (const [label, tile] of tiles) {
    if (labels.has(label) && may) continue;
    tile.end();
    tile.element.remove();
    tiles.delete(label);
  }
  writing.hidden = !may;
  if (!may) return drawOnly(entries);
  list.querySelectorAll('.only').forEach((element) => element.remove());
  entries.forEach((entry, place) => {
    let tile = tiles.get(entry.label);
    if (!tile) {
      tile = new Tile(entry.label, { told, files: (files, label) => uploads.add(files, label) });
      tiles.set(entry.label, tile);
    }
    if (list.children[place] !== tile.element) list.insertBefore(tile.element, list.children[place] ?? null);
    tile.update(entry);
  });
  words(entries);
}

/// With a token that may only look.
function drawOnly(entries) {
  fill(list, entries.map(({ label, pictures }) => h('li', { class: 'only' }, name(label), h('span', { class: 'quiet' }, ` ${say('pictures', { n: pictures })}`))));
  lead.hidden = false;
  lead.textContent = session.access === 'read' ? say('teach.read-only') : '';
  help.hidden = true;
  fit.hint(null);
}

function words(entries) {
  const pictured = entries.filter(({ pictures }) => pictures > 0).length;
  lead.hidden = entries.length > 0 || !classes.known;
  lead.textContent = say('teach.begin');
  help.hidden = entries.length === 0;
  help.textContent = say(source.single ? 'teach.press' : 'teach.help');
  fit.hint(pictured < 2 ? say('teach.two') : null);
}
on('source', () => words(listed()));

function told(burst, over) {
  if (!burst) return note.say(say(source.kind ? 'teach.no-picture' : 'teach.no-source'));
  if (over) going.delete(burst);
  else going.add(burst);
  source.stage.dataset.collecting = going.size ? 'yes' : 'no';
  if (burst.failure) note.fail(burst.failure);
  if (!over) return;
  refreshClasses().catch(() => {});
  if (burst.failure) return;
  const because = burst.because ? [' ', say('teach.poor', { because: poverty(burst.because) })] : [];
  const alike = burst.alike && !burst.stored ? [' ', say('teach.alike')] : [];
  const words = [name(burst.label), `: ${burst.words}.`, ...because, ...alike];
  if (burst.lost) note.fail([...words, ' ', say('teach.lost')]);
  else note.say(...words);
}

async function advise() {
  gate = new AbortController();
  try {
    const { code, sentence: words, enough, next } = await get('v1/advice', null, { signal: gate.signal, seconds: PATIENCE });
    advice.hidden = !shown;
    const values = { n: next?.more, class: name(next?.label ?? ''), now: percent(next?.now ?? 0), then: percent(next?.then ?? 0) };
    fill(advice, known(`advice.${code}`) ? tell(`advice.${code}`, values) : asItComes(words));
    advice.dataset.enough = enough ? 'yes' : 'no';
  } catch {
    advice.hidden = true;
  }
}

let pressed = null;
const typing = (event) => event.target.closest?.('input:not([type=file]):not([type=range]), select, textarea');

document.addEventListener('keydown', (event) => {
  if (!shown || event.repeat || pressed || typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const tile = tiles.get(byKey(event.key));
  if (!tile) return;
  event.preventDefault();
  pressed = { key: event.key, tile };
  tile.begin();
});
document.addEventListener('keyup', (event) => pressed?.key === event.key && letGo());
window.addEventListener('blur', letGo);

function letGo() {
  pressed?.tile.end();
  pressed = null;
}
