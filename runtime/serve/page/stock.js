// Correct, first part: the stored pictures, those first that look wrong.

import { get } from './api.js';
import { on } from './bus.js';
import { elsewhere, isSeen, refreshUndo, relabel, remove, seen, undo, undoButton } from './changes.js';
import { button, confirm, fill, h, Note, offer, set } from './dom.js';
import { DRAGGED, Grid } from './grid.js';
import { number, say, tell } from './language.js';
import { chip } from './naming.js';
import { byKey, classes, listed, mayChange } from './store.js';
import { typed } from './words.js';

const PAGE = 60;
const LIMIT = 500;
/// Looking for doubtful pictures among very many takes a device this long.
const PATIENCE = 180;
const ALL = ' all';
const NONE = ' none';

const filter = h('select', { id: 'filter', onchange: () => load() });
const sort = h('select', { id: 'sort', onchange: () => load() }, [
  h('option', { value: 'doubt' }, say('stock.doubt-first')),
  h('option', { value: 'newest' }, say('stock.newest-first')),
  h('option', { value: 'oldest' }, say('stock.oldest-first')),
]);
const note = new Note({ id: 'stock-note' });
const stale = new Note({ id: 'stale-note' });
const empty = h('div', { class: 'nothing', id: 'stock-empty', hidden: true });
const more = button('', () => loadMore(), { id: 'more' });
const counted = h('p', { class: 'quiet', id: 'stock-count' });
const chosen = h('p', { id: 'selected', role: 'status' });
const chips = h('div', { class: 'chips', id: 'chips', role: 'group', 'aria-label': say('stock.call') });
const other = h('input', { type: 'text', id: 'other-name', autocomplete: 'off', spellcheck: 'false', placeholder: say('naming.other'), 'aria-label': say('stock.other-name') });
const otherForm = h('form', { class: 'row', onsubmit: useOther }, other, h('button', { type: 'submit', id: 'use-other' }, say('use')));
const asked = h('div', { id: 'remove-ask' });
const removeButton = button(say('stock.remove'), () => askRemove(), { id: 'remove', class: 'small danger', 'aria-keyshortcuts': 'Delete' });
const allButton = button(say('stock.all'), () => grid.selectAll(), { id: 'select-all', class: 'small', 'aria-keyshortcuts': 'a' });
const clearButton = button(say('stock.none'), () => grid.clear(), { id: 'select-none', class: 'small', 'aria-keyshortcuts': 'Escape' });
const act = h('div', { class: 'act', id: 'act', role: 'region', 'aria-label': say('stock.selected') });
act.append(h('div', { class: 'row act-row' }, chosen, allButton, clearButton, removeButton), h('div', { class: 'act-names' }, chips, otherForm), asked);
const key = (text) => h('kbd', {}, text);
const help = h('p', { class: 'quiet keys' }, tell('stock.keys', { first: key('1'), last: key('9'), remove: key(say('key.delete')), all: key('a'), ctrl: key(say('key.ctrl')), undo: key('Z') }));

const grid = new Grid({ changed: selection, accept: (id, label) => call([id], label), may: mayChange });
let total = 0;
let shown = false;
let loading = 0;
/// Whether the list could not be read the last time.
let unread = false;

export const stock = {
  title: say('stock.title'),
  element: h(
    'div',
    { class: 'stack' },
    h('div', { class: 'toolbar' }, h('label', { class: 'field inline' }, h('span', {}, say('stock.show')), filter), h('label', { class: 'field inline' }, h('span', {}, say('stock.order')), sort), undoButton),
    stale.element,
    note.element,
    counted,
    grid.element,
    empty,
    h('div', { class: 'row centre' }, more),
    help,
    act,
  ),
  show() {
    drawClasses();
    shown = true;
    load(grid.size || PAGE);
  },
  hide() {
    shown = false;
  },
};

on('classes', drawClasses);
on('session', () => (drawClasses(), selection()));
on('back', () => {
  if (note.element.dataset.kind === 'failed') note.clear();
  if (shown && !isBusy()) load(grid.size || PAGE);
});
on('elsewhere', () => {
  if (!shown) return;
  if (isBusy()) return elsewhere();
  if (!grid.selected.size) return void load(grid.size || PAGE);
  if (!stale.element.hidden) return;
  stale.say(say('stock.elsewhere'), ' ');
  stale.element.append(button(say('stock.fresh'), () => load(grid.size), { id: 'fresh' }));
});

const isBusy = () => grid.element.hasAttribute('aria-busy');

function query(offset, limit) {
  const chosenFilter = filter.value;
  const unlabelled = chosenFilter === NONE ? true : null;
  const label = chosenFilter.startsWith('=') ? chosenFilter.slice(1) : null;
  return { label, unlabelled, sort: sort.value, offset, limit };
}

async function load(limit = PAGE) {
  const turn = ++loading;
  set(grid.element, 'aria-busy', 'true');
  try {
    const page = await get('v1/samples', query(0, Math.min(LIMIT, Math.max(PAGE, limit))), { seconds: PATIENCE });
    if (turn !== loading) return;
    seen(page.version);
    total = page.total;
    stale.clear();
    if (unread && note.element.dataset.kind === 'failed') note.clear();
    unread = false;
    grid.show(page.samples);
    recount();
    refreshUndo().catch(() => {});
  } catch (failure) {
    if (turn !== loading) return;
    unread = true;
    note.fail(failure);
  } finally {
    if (turn === loading) set(grid.element, 'aria-busy', null);
  }
}

async function loadMore() {
  more.disabled = true;
  // From the start, since changes move pictures to other places; beyond one answer's limit only what follows.
  if (grid.size + PAGE <= LIMIT) {
    await load(grid.size + PAGE);
    more.disabled = false;
    return;
  }
  try {
    const turn = loading;
    const page = await get('v1/samples', query(grid.size, PAGE), { seconds: PATIENCE });
    if (turn !== loading) return;
    if (!isSeen(page.version)) return void (await load(LIMIT));
    total = page.total;
    const before = grid.size;
    grid.add(page.samples);
    recount();
    if (grid.size === before) more.hidden = true;
  } catch (failure) {
    note.fail(failure);
  } finally {
    more.disabled = false;
  }
}

function recount() {
  const left = total - grid.size;
  more.hidden = left <= 0;
  more.textContent = say('stock.more', { n: left });
  counted.textContent = total ? say('pictures', { n: total }) : '';
  empty.hidden = grid.size > 0;
  help.hidden = grid.size === 0 || !mayChange();
  allButton.hidden = grid.size === 0;
  const filtered = filter.value !== ALL;
  fill(
    empty,
    filtered
      ? [h('p', {}, say(filter.value === NONE ? 'stock.all-named' : 'stock.no-such')), button(say('stock.show-all'), () => showAll())]
      : [h('p', {}, say('stock.empty')), h('p', {}, tell('stock.collect', { teach: h('a', { href: '#teach' }, say('nav.teach')) }))],
  );
}

function showAll() {
  filter.value = ALL;
  load();
}

function drawClasses() {
  const value = filter.value || ALL;
  const options = [
    [ALL, say('stock.classes')],
    [NONE, `${say('piles.title')} (${number(classes.unlabelled)})`],
    ...listed().filter(({ fresh }) => !fresh).map(({ label, pictures }) => [`=${label}`, `${label} (${number(pictures)})`]),
  ];
  offer(filter, options);
  const wanted = options.some(([key]) => key === value) ? value : ALL;
  if (filter.value !== wanted) filter.value = wanted;
  drawChips();
  // The class that was shown is gone.
  if (shown && wanted !== value) load();
}

let drawn = null;

function drawChips() {
  const entries = listed();
  const now = JSON.stringify(entries.map(({ label, key }) => [label, key]));
  if (now === drawn) return;
  drawn = now;
  const had = chips.contains(document.activeElement) ? document.activeElement.dataset.label : null;
  fill(chips, entries.map(({ label, key }) => dropChip(chip(label, key, () => call(grid.targets(), label)), label)));
  enable();
  if (had !== null) [...chips.children].find(({ dataset }) => dataset.label === had)?.focus();
}

/// Chips name what is selected.
function enable() {
  for (const element of chips.children) set(element, 'aria-disabled', grid.selected.size ? null : 'true');
}

function dropChip(element, label) {
  const ours = (event) => event.dataTransfer?.types.includes(DRAGGED);
  element.addEventListener('dragover', (event) => {
    if (!ours(event)) return;
    event.preventDefault();
    element.dataset.over = 'yes';
  });
  element.addEventListener('dragleave', () => delete element.dataset.over);
  element.addEventListener('drop', (event) => {
    delete element.dataset.over;
    if (!ours(event)) return;
    event.preventDefault();
    call(JSON.parse(event.dataTransfer.getData(DRAGGED)), label);
  });
  return element;
}

function selection() {
  const some = grid.selected.size;
  act.hidden = !mayChange() || grid.size === 0;
  act.dataset.some = some ? 'yes' : 'no';
  chosen.textContent = some ? say('stock.chosen', { n: some }) : say('stock.choose');
  clearButton.hidden = removeButton.hidden = otherForm.hidden = some === 0;
  enable();
  fill(asked);
}

const again = () => load(grid.size || PAGE);

async function call(ids, label) {
  if (!mayChange()) return;
  if (!ids.length) return note.say(say('stock.select-first'));
  if (!(await relabel(ids, label, note, again))) return;
  grid.clear();
  const elsewhere = filter.value !== ALL && filter.value !== `=${label}`;
  if (elsewhere) {
    total -= ids.length;
    grid.remove(ids);
    if (!grid.size && total > 0) await load();
  } else grid.relabel(ids, label);
  recount();
}

function useOther(event) {
  event.preventDefault();
  const label = typed(other);
  if (!label) return other.focus();
  other.value = '';
  call(grid.targets(), label);
}

function askRemove() {
  const ids = grid.targets();
  if (!ids.length || !mayChange()) return;
  if (ids.length < 20) return take(ids);
  confirm(asked, say('stock.remove-question', { n: ids.length }), say('stock.remove-yes'), () => take(ids));
}

async function take(ids) {
  if (!(await remove(ids, note, again))) return;
  total -= ids.length;
  grid.remove(ids);
  grid.clear();
  if (!grid.size && total > 0) await load();
  recount();
}

const typing = (event) => event.target.closest?.('input, select, textarea');

document.addEventListener('keydown', (event) => {
  if (!shown || typing(event)) return;
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'z') {
    event.preventDefault();
    if (!event.repeat) undo(note, again);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !mayChange()) return;
  const label = byKey(event.key);
  if (label !== null && grid.targets().length) {
    event.preventDefault();
    call(grid.targets(), label);
  } else if (event.key === 'Delete' || event.key === 'Backspace') {
    if (grid.targets().length) event.preventDefault();
    askRemove();
  } else if (event.key === 'a') grid.selectAll();
  else if (event.key === 'Escape') grid.clear();
});
undoButton.addEventListener('click', () => undo(note, again));
on('show-class', (label) => {
  drawClasses();
  filter.value = `=${label}`;
  if (shown) load();
});
