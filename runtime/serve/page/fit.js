// Teaching: asks for it, follows it, and shows what came of it before it is used.

import { get, pause, send } from './api.js';
import { on } from './bus.js';
import { everywhere, goBack, holdsFor, isSettled, key, settle, useVersion } from './choose.js';
import { isWorse, news, rows, verdict } from './comparison.js';
import { button, confirm, fill, h, Note } from './dom.js';
import { number, percent, say, tell, when } from './language.js';
import { heads, mayChange, refreshHeads } from './store.js';
import { ofCode } from './words.js';

const go = button(say('fit.go'), () => teach(), { class: 'primary large', id: 'teach-now' });
const progress = h('progress', { id: 'fit-progress', max: 1, hidden: true, 'aria-label': say('fit.running') });
const note = new Note({ id: 'fit-note' });
const result = h('div', { id: 'fit-result' });
const summary = h('summary');
const lines = h('ul');
const versions = h('details', { id: 'versions', class: 'versions' }, summary, lines);
const asked = h('div', { id: 'rollback-ask' });
const hint = h('p', { class: 'quiet', id: 'fit-hint' });

export const fit = {
  element: h('section', { class: 'card', 'aria-labelledby': 'fit-title' }, h('h2', { id: 'fit-title' }, say('fit.title')), hint, h('div', { class: 'row' }, go, progress), note.element, result, asked, versions),
  show() {
    pickUp().catch((failure) => failure.status && note.fail(failure));
  },
  hint(words) {
    hint.hidden = !words;
    hint.textContent = words ?? '';
  },
};

let following = false;
/// How many choices of another version are on their way.
let changing = 0;

on('heads', () => {
  listVersions();
  dropPanel();
});
for (const topic of ['back', 'missed']) on(topic, () => fit.element.isConnected && fit.show());
on('session', listVersions);
on('event', ({ event }) => (event === 'fitted' || event === 'not-fitted') && !following && fit.element.isConnected && fit.show());

/// What a fit came to that this page did not ask for, or had asked for before it was loaded again.
async function pickUp() {
  if (following) return;
  const status = await get('v1/fit');
  if (following) return;
  if (status.state !== 'idle') return follow(key(status.last), false);
  const { last } = status;
  if (last?.outcome !== 'kept' || isSettled(last)) return;
  await refreshHeads();
  if (following) return;
  if (heads.heads.some(({ version, state }) => version === last.head && state === 'waiting' && version > (heads.live ?? 0))) show(last, false);
}

async function teach() {
  if (following) return;
  following = true;
  go.disabled = true;
  fill(result);
  fill(asked);
  note.say(say('fit.runs'));
  const before = await get('v1/fit').then(({ last }) => key(last), () => null);
  try {
    await send('v1/fit', { publish: 'by-hand' });
    await follow(before, true);
  } catch (failure) {
    following = false;
    go.disabled = false;
    note.fail(failure);
  }
}

async function follow(before, lead) {
  following = true;
  go.disabled = true;
  progress.hidden = false;
  progress.removeAttribute('value');
  note.say(say('fit.runs'));
  try {
    for (let turn = 0; ; turn++) {
      const { state, progress: part, last } = await get('v1/fit').catch((failure) => {
        if (failure.status && failure.status !== 503) throw failure;
        return { state: 'running' };
      });
      if (part?.of) progress.value = part.done / part.of;
      if (state === 'idle' && last && key(last) !== before) return await finish(last, lead);
      if (state === 'idle' && turn > 20) return note.fail(say('fit.nothing'));
      await pause(turn < 10 ? 150 : 500);
    }
  } catch (failure) {
    note.fail(failure);
  } finally {
    following = false;
    go.disabled = false;
    progress.hidden = true;
  }
}

async function finish(last, lead) {
  await everywhere();
  show(last, lead && isFree());
}

/// Whether nobody works elsewhere.
function isFree() {
  const { activeElement: focus } = document;
  return (focus === document.body || fit.element.contains(focus)) && !document.querySelector('[data-held=yes]');
}

function quality(version) {
  const known = heads.heads.find((head) => head.version === version);
  const found = known?.quality;
  // Where all pictures of a class are of one burst, none could be kept back to be asked about.
  if (!found || found.accuracy === null) return known?.classes?.length ? say('fit.unmeasured') : null;
  return say('fit.quality', { share: percent(found.accuracy), low: percent(found.low), high: percent(found.high) });
}

/// `lead` there, where somebody asked for it.
function show(last, lead) {
  note.clear();
  const { outcome, comparison } = last;
  if (outcome === 'stopped') return note.fail(say('fit.stopped'));
  if (outcome === 'failed') return note.fail(tell('fit.failed', { problem: ofCode('problem', last.code, last.sentence) }));
  if (outcome === 'nothing-new') return nothingNew(last, lead);
  const parts = [h('h3', { tabindex: '-1', id: 'verdict' }, headline(last))];
  if (comparison) parts.push(...rows(comparison), news(comparison));
  const good = quality(last.head);
  if (good && !(comparison && (comparison.all || comparison.known))) parts.push(h('p', {}, good));
  if (outcome === 'kept') parts.push(choice(last));
  else parts.push(h('p', {}, h('a', { href: '#look' }, say('fit.look'))));
  fill(result, h('div', { class: 'panel', 'data-outcome': outcome, 'data-head': last.head ?? '' }, parts.filter(Boolean)));
  if (!lead) return;
  result.querySelector('h3').focus({ preventScroll: true });
  result.scrollIntoView({ block: 'nearest' });
}

/// What the panel says was so of another version in use.
function dropPanel() {
  const { outcome, head } = result.firstElementChild?.dataset ?? {};
  const isLive = Number(head) === heads.live;
  if ((outcome === 'published' && !isLive) || (outcome === 'kept' && isLive)) fill(result);
}

function headline({ outcome, comparison, seconds }) {
  const judged = comparison ? verdict(comparison) : [say('fit.taught')];
  if (outcome !== 'published') return comparison ? judged : [...judged, ' ', say('fit.waits')];
  const exact = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  const took = seconds < 0.1 ? say('fit.quick') : say('fit.took', { seconds: number(seconds, seconds < 10 ? exact : { maximumFractionDigits: 0 }) });
  return [...judged, ' ', say('fit.in-use'), seconds > 0 ? ` ${took}` : ''];
}

function nothingNew(last, lead) {
  note.say(say('fit.nothing-new'));
  const waiting = heads.heads.find(({ version, state }) => version === last.head && state === 'waiting');
  if (!waiting) return;
  note.clear();
  show({ ...last, outcome: 'kept', comparison: waiting.comparison ?? last.comparison }, lead);
}

function choice(last) {
  const worse = isWorse(last.comparison);
  const use = button(say('fit.use-new'), () => activate(last), { class: worse ? '' : 'primary', id: 'use-new' });
  const keep = button(say('fit.keep-old'), () => later(last), { class: worse ? 'primary' : '', id: 'keep-old' });
  return h('div', { class: 'row' }, worse ? [keep, use] : [use, keep]);
}

const activate = (last) => change(() => useVersion(last.head), () => say('fit.new-in-use'));

const use = (version) => change(() => useVersion(version), (live) => say('fit.version-in-use', { version: String(live) }));

function later(last) {
  settle(last);
  fill(result);
  note.say(say('fit.kept'));
  go.focus();
}

async function change(act, words) {
  changing++;
  go.focus();
  listVersions();
  try {
    const live = await act();
    fill(result);
    note.good(words(live));
    holdsFor(live, note);
  } catch (failure) {
    note.fail(failure);
  } finally {
    changing--;
    listVersions();
  }
}

function back() {
  const act = () => {
    const last = result.querySelector('[data-outcome]');
    if (last) fill(result);
    return change(goBack, (live) => say('fit.went-back', { version: String(live) }));
  };
  confirm(asked, say('fit.back-question', { version: String(heads.live) }), say('fit.back-yes'), act);
}

function listVersions() {
  const list = [...heads.heads].sort((a, b) => b.version - a.version);
  versions.hidden = list.length === 0;
  const may = mayChange();
  go.hidden = !may;
  // As the device goes back: to the newest below that was in use and that nobody left.
  const older = list.some(({ version, state }) => state === 'earlier' && version < heads.live);
  const held = lines.contains(document.activeElement) ? document.activeElement.closest('[data-version]').dataset.version : null;
  summary.textContent = say('fit.versions', { n: list.length });
  fill(lines, list.map((head) => line(head, may)));
  if (held) (lines.querySelector(`[data-version="${held}"] button`) ?? summary).focus({ preventScroll: true });
  if (!may || !older || changing) rollback.remove();
  else if (!rollback.parentElement) rollbackPlace.append(rollback);
}

const rollback = button(say('fit.back'), back, { id: 'rollback', class: 'small' });
const rollbackPlace = h('div', { class: 'row' });
fit.element.insertBefore(rollbackPlace, asked);

function line({ version, state, fitted_at: at, quality: found, pictures, note: said }, may) {
  const facts = [when(at), pictures === undefined ? '' : say('pictures', { n: pictures }), found?.accuracy != null ? say('fit.right', { share: percent(found.accuracy) }) : ''];
  const states = { live: say('fit.live'), waiting: say('fit.waiting') };
  return h(
    'li',
    { 'data-version': version, 'data-state': state },
    h('span', {}, h('strong', {}, say('fit.version', { version: String(version) })), states[state] ? h('span', { class: 'tag' }, states[state]) : null),
    h('span', { class: 'quiet' }, facts.filter(Boolean).join(' · ')),
    said ? h('span', { class: 'quiet' }, h('bdi', {}, said)) : null,
    may && state !== 'live'
      ? button(say('use'), () => use(version), { class: 'small', 'aria-label': say('fit.use-version', { version: String(version) }) })
      : null,
  );
}
