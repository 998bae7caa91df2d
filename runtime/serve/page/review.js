// Correct, third part: pictures that the device kept because it was not sure of them, one after the other.

import { answer, flush, isAnswered, last, takeBack } from './answers.js';
import { get, getPicture } from './api.js';
import { on } from './bus.js';
import { button, fill, h, name, Note, set } from './dom.js';
import { known, say, tell, when } from './language.js';
import { chip, teachNow } from './naming.js';
import { byKey, listed, mayChange } from './store.js';
import { swipes } from './swipe.js';
import { certainty, typed } from './words.js';

const ENOUGH = 5;
/// All of them: their order changes with every answer, and what somebody looks at must not slip out of a part.
const ALL = 100_000;
/// Between two looks for questions where there are none.
const LOOK = 15_000;
/// What goes before in the device may take so many seconds.
const PATIENCE = 180;

const note = new Note({ id: 'review-note' });
/// Why answers are not stored yet.
const unstored = new Note({ id: 'review-unstored' });
const progress = h('p', { class: 'quiet', id: 'review-progress' });
const image = h('img', { alt: say('review.picture'), draggable: 'false', id: 'review-picture' });
const agreed = h('span', { class: 'verdict agreed', 'aria-hidden': 'true' });
const thrown = h('span', { class: 'verdict thrown', 'aria-hidden': 'true' }, say('review.dismiss'));
const frame = h('div', { class: 'swipe', id: 'swipe' }, image, agreed, thrown);
const why = h('h2', { tabindex: '-1' });
const guess = h('p', {});
const facts = h('p', { class: 'quiet' });
const chips = h('div', { class: 'chips', id: 'review-chips', role: 'group', 'aria-label': say('what') });
const other = h('input', { type: 'text', id: 'review-other', autocomplete: 'off', spellcheck: 'false', placeholder: say('naming.new'), 'aria-label': say('naming.new') });
const form = h('form', { class: 'row', onsubmit: useOther }, other, h('button', { type: 'submit' }, say('use')));
const dismissButton = button('', () => decide(null), { id: 'review-dismiss', 'aria-keyshortcuts': 'ArrowLeft' });
const agreeButton = button('', () => decide(current.said), { id: 'review-agree', class: 'primary', 'aria-keyshortcuts': 'ArrowRight' });
const skipButton = button(say('review.skip'), () => skip(), { id: 'review-skip', 'aria-keyshortcuts': 'ArrowDown' });
const undoButton = button(say('undo'), () => undo(), { id: 'review-undo', class: 'small', 'aria-keyshortcuts': 'Control+Z' });
const keys = h('p', { class: 'quiet keys' }, tell('review.keys', { left: h('kbd', {}, '←'), right: h('kbd', {}, '→'), down: h('kbd', {}, '↓'), first: h('kbd', {}, '1'), last: h('kbd', {}, '9') }));
const card = h('section', { class: 'card question', 'aria-label': say('review.title'), hidden: true });
card.append(frame, h('div', { class: 'stack' }, why, guess, facts, h('div', { class: 'row decide' }, dismissButton, skipButton, agreeButton), chips, form, keys));
const empty = h('div', { class: 'nothing', id: 'review-empty', hidden: true });
/// Says to a screen reader what came next.
const heard = h('p', { class: 'heard', role: 'status', id: 'review-heard' });

/// Those to come, the first of them shown, and how many were answered since the page was loaded.
let queue = [];
let current = null;
let waiting = 0;
let done = 0;
/// The picture that was answered last.
let before = null;
let shown = false;
let timer = null;
let loading = null;
let gate = null;
const pictures = new Map();

export const review = {
  title: say('review.title'),
  element: h('div', { class: 'stack' }, h('div', { class: 'review-bar' }, progress, note.element, unstored.element, undoButton), card, empty, heard),
  show() {
    shown = true;
    draw();
    load();
  },
  hide() {
    shown = false;
    clearTimeout(timer);
    flush();
  },
};

on('back', async () => {
  // What was asked over a connection that is gone is not answered.
  gate?.abort();
  await loading;
  if (shown) load();
});
on('elsewhere', () => shown && load());
on('missed', () => shown && load());
on('classes', () => current && drawChips());
on('session', () => shown && draw());
on('answers', drawUndo);
on('told', async ({ failure, left }) => {
  if (left) return tellUnstored(failure, left);
  unstored.clear();
  if (!failure) return;
  // What was refused waits again.
  if (shown) await load();
  note.fail(failure.status === 404 ? say('review.gone') : failure);
});

/// Again and again the same is said once.
function tellUnstored(failure, n) {
  const words = say('review.unstored', { n });
  if (unstored.element.textContent !== `${failure.message} ${words}`) unstored.fail(failure, ' ', words);
}

function load() {
  if (!loading) {
    gate = new AbortController();
    loading = read(gate.signal).finally(() => (loading = null));
  }
  return loading;
}

async function read(signal) {
  clearTimeout(timer);
  try {
    const answer = await get('v1/review', { limit: ALL }, { signal, seconds: PATIENCE });
    if (note.element.dataset.kind === 'failed') note.clear();
    const fresh = answer.pictures.filter(({ id }) => !isAnswered(id));
    waiting = answer.waiting - (answer.pictures.length - fresh.length);
    // What somebody looks at stays before them, and what they skipped stays behind.
    const there = new Map(fresh.map((one) => [one.id, one]));
    const kept = queue.filter(({ id }) => there.has(id));
    queue = [...kept, ...fresh.filter(({ id }) => !kept.some((one) => one.id === id))];
    const gone = current && !there.has(current.id) && !isAnswered(current.id);
    if (gone) note.say(say('review.gone'));
    turn();
  } catch (failure) {
    note.fail(failure);
  }
  if (shown && !queue.length) timer = setTimeout(load, LOOK);
}

/// Shows the first of the queue.
function turn() {
  const next = queue[0] ?? null;
  const isOther = next?.id !== current?.id;
  current = next;
  for (const [id, picture] of pictures) {
    if (queue.slice(0, 2).some((one) => one.id === id)) continue;
    pictures.delete(id);
    picture.then(URL.revokeObjectURL, () => {});
  }
  if (isOther) {
    image.removeAttribute('src');
    frame.dataset.seen = 'no';
  }
  if (current && !isSeen()) paint(current.id);
  draw();
  if (isOther && current && shown) heard.textContent = [progress, why, guess].map((element) => element.textContent).join(' ');
}

function picture(id) {
  if (!pictures.has(id)) {
    const asked = getPicture(`v1/review/${id}/picture`).then(URL.createObjectURL);
    pictures.set(id, asked);
    asked.catch(() => pictures.delete(id));
  }
  return pictures.get(id);
}

/// The picture, and then the next one, which is there when it is wanted.
async function paint(id) {
  try {
    image.src = await picture(id).then((url) => (current?.id === id ? url : Promise.reject(new DOMException('', 'AbortError'))));
    await image.decode();
    if (current?.id !== id) return;
    frame.dataset.seen = 'yes';
    draw();
    if (queue[1]) picture(queue[1].id).catch(() => {});
  } catch (failure) {
    if (current?.id !== id || failure.name === 'AbortError') return;
    if (failure.status === 404) return void load();
    note.fail(failure.status === 0 ? say('review.unseen') : failure);
  }
}

const isSeen = () => frame.dataset.seen === 'yes';
const mayDecide = () => current !== null && isSeen() && mayChange();

function draw() {
  card.hidden = current === null;
  empty.hidden = current !== null;
  progress.textContent = current ? say('review.progress', { at: done + 1, n: done + waiting }) : '';
  drawUndo();
  if (!current) return drawEmpty();
  const { why: code, said, score, camera, at } = current;
  why.textContent = say(known(`asks.${code}`) ? `asks.${code}` : 'asks.other');
  const certain = code === 'unknown' ? 'look.nearest' : score === null ? 'review.said' : 'review.said-sure';
  fill(guess, said === null ? [] : tell(certain, { class: name(said), share: certainty(score ?? 0) }));
  fill(facts, name(camera), ' · ', when(at));
  fill(dismissButton, say('review.dismiss'));
  fill(agreeButton, said === null ? [] : tell('review.agree', { class: name(said) }));
  fill(agreed, said === null ? [] : ['✓ ', name(said)]);
  agreeButton.hidden = said === null || !mayChange();
  dismissButton.hidden = chips.hidden = form.hidden = !mayChange();
  keys.hidden = !mayChange();
  // Not `disabled`: the focus stays where it is while the next picture comes.
  for (const element of [dismissButton, agreeButton]) set(element, 'aria-disabled', mayDecide() ? null : 'true');
  drawChips();
}

let drawn = null;

function drawChips() {
  const entries = listed();
  const now = JSON.stringify([entries.map(({ label, key }) => [label, key]), current?.said]);
  if (now === drawn) return;
  drawn = now;
  const had = chips.contains(document.activeElement) ? document.activeElement.dataset.label : null;
  fill(chips, entries.map(({ label, key }) => chip(label, key, () => decide(label), label === current?.said)));
  if (had !== null) [...chips.children].find(({ dataset }) => dataset.label === had)?.focus();
}

function drawEmpty() {
  const thanks = done ? h('p', {}, say('review.all-done', { n: done }), ' ', teachNow()) : null;
  fill(empty, h('p', {}, say('review.none')), thanks ?? h('p', { class: 'quiet' }, say('review.help')));
}

function drawUndo() {
  const had = document.activeElement === undoButton;
  undoButton.hidden = last() === null;
  if (had && undoButton.hidden) why.focus();
}

function decide(label) {
  if (!mayDecide() || label === undefined) return;
  before = current;
  const { id } = current;
  answer(id, label);
  note.good(...(label === null ? [say('review.dismissed')] : tell('review.named', { class: name(label) })));
  done++;
  waiting--;
  pass(id);
}

/// Goes on to the next one.
function pass(id) {
  queue = queue.filter((one) => one.id !== id);
  const had = card.contains(document.activeElement);
  turn();
  if (had && !current) undoButton.hidden ? empty.querySelector('a')?.focus() : undoButton.focus();
  if (queue.length < ENOUGH && (waiting > queue.length || !queue.length)) load();
}

function skip() {
  if (queue.length < 2) return;
  queue.push(queue.shift());
  turn();
}

function undo() {
  const taken = takeBack();
  if (!taken) return;
  done--;
  waiting++;
  note.say(say('undone'));
  if (before?.id === taken.id) queue.unshift(before);
  else load();
  turn();
  why.focus();
}

function useOther(event) {
  event.preventDefault();
  const label = typed(other);
  if (!label) return other.focus();
  if (!mayDecide()) return;
  other.value = '';
  decide(label);
}

/// The picture that a finger went down on; another may come under it.
let grasped = null;
frame.addEventListener('pointerdown', () => (grasped = current?.id ?? null));

swipes(frame, {
  may: (side) => mayDecide() && (side < 0 || current.said !== null),
  feels(side, part) {
    agreed.style.opacity = side > 0 ? part : 0;
    thrown.style.opacity = side < 0 ? part : 0;
    frame.dataset.far = part >= 1 ? 'yes' : 'no';
  },
  done: (side) => grasped === current?.id && decide(side > 0 ? current.said : null),
});

const typing = (event) => event.target.closest?.('input, select, textarea');

document.addEventListener('keydown', (event) => {
  if (!shown || event.repeat || typing(event) || event.altKey) return;
  const ctrl = event.ctrlKey || event.metaKey;
  if (ctrl && event.key.toLowerCase() !== 'z') return;
  const label = ctrl ? null : byKey(event.key);
  const acts = { ArrowLeft: () => decide(null), ArrowRight: () => current?.said && decide(current.said), ArrowDown: skip };
  const act = ctrl ? undo : label !== null ? () => decide(label) : acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
