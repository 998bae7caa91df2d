// Set up: the networks that turn pictures into features, which is in use, and others.

import { get, pause, request, send } from './api.js';
import { emit } from './bus.js';
import { button, confirm, fill, h, Note } from './dom.js';
import { number, percent, say, when } from './language.js';
import { mayChange, refreshClasses, refreshHeads } from './store.js';
import { ofCode } from './words.js';

const LOOK = 1000;
/// Which job this page follows, and has yet to tell the end of.
const FOLLOWED = 'edgetl-job';
const list = h('ul', { class: 'backbones', id: 'setup-backbones' });
const compare = button(say('setup.compare'), () => begin('v1/backbones/compare'), { id: 'backbone-compare' });
const asked = h('div', { id: 'backbone-ask' });
const bar = h('progress', { max: 1, id: 'job-progress', 'aria-labelledby': 'job-words' });
const words = h('p', { id: 'job-words' });
const halt = button(say('setup.stop'), stop, { class: 'small', id: 'job-stop' });
const work = h('div', { class: 'job', id: 'job', role: 'group', 'aria-label': say('setup.job'), hidden: true }, words, h('div', { class: 'row' }, bar, halt));
const note = new Note({ id: 'backbone-note' });
const more = h('details', { id: 'catalogue', ontoggle: () => more.open && drawCatalogue() }, h('summary', {}, say('setup.catalogue')));
const networks = h('ul', { class: 'backbones', id: 'catalogue-list' });
more.append(networks);
let gate = null;
let rows = [];
let running = false;

export const backbones = {
  element: h(
    'section',
    { class: 'card', 'aria-labelledby': 'backbones-title' },
    h('h2', { id: 'backbones-title' }, say('setup.backbones')),
    h('p', { class: 'quiet' }, say('setup.backbones-lead')),
    list,
    h('div', { class: 'row' }, compare),
    asked,
    work,
    note.element,
    more,
  ),
  show() {
    gate = new AbortController();
    draw().catch((failure) => failure.status && note.fail(failure));
    if (more.open) drawCatalogue();
    get('v1/job').then(pickUp, () => {});
  },
  pause() {
    gate?.abort();
  },
  hide() {
    backbones.pause();
  },
};

const megabytes = (bytes) => say('setup.megabytes', { size: number(bytes / 1e6, { maximumFractionDigits: bytes < 1e7 ? 1 : 0 }) });

async function draw() {
  rows = await get('v1/backbones');
  const may = mayChange();
  compare.hidden = !may || rows.length === 0;
  if (!rows.length) return fill(list, h('li', { class: 'quiet' }, say('setup.no-backbone')));
  fill(list, rows.map((row) => line(row, may)));
}

function line(row, may) {
  const { compared } = row;
  const good = compared?.accuracy == null ? (compared?.reason ? h('span', { lang: 'en' }, compared.reason) : say('setup.not-compared')) : found(compared);
  return h(
    'li',
    { 'data-backbone': row.name },
    h('p', {}, h('bdi', { class: 'name' }, row.name), row.in_use ? h('span', { class: 'tag' }, say('setup.in-use')) : null, compared?.recommended ? h('span', { class: 'tag' }, say('setup.best')) : null),
    h('p', { class: 'quiet' }, [`${row.width} × ${row.height}`, megabytes(row.bytes), row.licence].filter(Boolean).join(' · ')),
    h('p', {}, good),
    may && !row.in_use ? button(say('setup.use'), () => use(row.name), { class: 'small', 'aria-label': say('setup.use-named', { name: row.name }), disabled: running }) : null,
  );
}

function found({ accuracy, low, high, seconds_a_picture: seconds, at }) {
  const right = say('setup.right', { right: percent(accuracy), low: percent(low), high: percent(high) });
  const time = seconds == null ? '' : say('setup.time', { time: number(seconds * 1000, { maximumSignificantDigits: 2 }) });
  return [right, time, when(at)].filter(Boolean).join(' · ');
}

async function drawCatalogue() {
  try {
    const { can_fetch: can, networks: all } = await get('v1/backbones/catalogue');
    const may = mayChange() && can;
    fill(networks, all.map((one) => entry(one, may)), can ? null : h('li', { class: 'quiet' }, say('setup.cannot-fetch')));
  } catch (failure) {
    note.fail(failure);
  }
}

function entry(one, may) {
  const imagenet = one.top1 == null ? '' : say('setup.imagenet', { right: percent(one.top1 / 100, 1) });
  return h(
    'li',
    { 'data-network': one.name },
    h('p', {}, h('bdi', { class: 'name' }, one.name), one.kept ? h('span', { class: 'tag' }, say('setup.kept')) : null),
    h('p', { class: 'quiet' }, [megabytes(one.bytes), `${one.input} × ${one.input}`, imagenet, one.licence].filter(Boolean).join(' · ')),
    h('p', { class: 'quiet' }, ofCode('network', one.name, one.good_for)),
    may && !one.kept ? button(say('setup.fetch'), () => begin('v1/backbones/fetch', { name: one.name }), { class: 'small', 'aria-label': say('setup.fetch-named', { name: one.name }), disabled: running }) : null,
  );
}

function use(name, anyway = false) {
  const question = anyway ? say('setup.use-anyway', { name }) : say('setup.use-sure', { name });
  confirm(asked, question, say('setup.use-named', { name }), () => begin(`v1/backbones/${encodeURIComponent(name)}/use`, { anyway }));
}

async function begin(path, json) {
  note.clear();
  fill(asked);
  try {
    const job = await send(path, json ?? {});
    await follow(job.number);
  } catch (failure) {
    note.fail(failure);
  }
}

/// A job that ended while nobody saw the page is told of now.
function pickUp(job) {
  if (job?.state === 'running') return follow(job.number);
  if (job && String(job.number) === sessionStorage.getItem(FOLLOWED)) return end(job);
  sessionStorage.removeItem(FOLLOWED);
  return undefined;
}

async function follow(wanted) {
  if (running) return;
  running = true;
  sessionStorage.setItem(FOLLOWED, wanted);
  draw().catch(() => {});
  if (more.open) drawCatalogue();
  const { signal } = gate;
  work.hidden = false;
  halt.hidden = !mayChange();
  halt.disabled = false;
  try {
    while (!signal.aborted) {
      const job = await get('v1/job', null, { signal }).catch((failure) => {
        if (failure.status && failure.code !== 'busy') throw failure;
        return undefined;
      });
      if (job === null || (job && job.number !== wanted && job.state !== 'running')) return;
      if (job) {
        show(job);
        if (job.state !== 'running') return end(job);
      }
      await pause(LOOK, signal);
    }
  } catch (failure) {
    note.fail(failure);
  } finally {
    running = false;
    work.hidden = true;
    if (!signal.aborted) draw().catch(() => {});
    if (more.open) drawCatalogue();
  }
}

function show({ kind, name, done, of }) {
  const what = say({ compare: 'setup.comparing', fetch: 'setup.fetching', switch: 'setup.switching' }[kind], { name });
  const far = !of ? '' : kind === 'fetch' ? `${megabytes(done)} / ${megabytes(of)}` : say('setup.pictures-of', { done, of });
  words.textContent = [what, far].filter(Boolean).join(' ');
  if (of) bar.value = done / of;
  else bar.removeAttribute('value');
}

function end({ kind, name, state, because, unread, of, head }) {
  sessionStorage.removeItem(FOLLOWED);
  if (state === 'stopped') return note.say(say('setup.stopped'));
  if (state === 'failed') return note.fail(h('span', { lang: 'en' }, because));
  if (state === 'unread') {
    note.say(say('setup.unread', { n: unread, of, name }), ' ', button(say('setup.anyway'), () => use(name, true), { class: 'small', id: 'use-anyway' }));
    return undefined;
  }
  const ends = { compare: 'setup.compared', fetch: 'setup.fetched', switch: head === null ? 'setup.switched' : 'setup.switched-head' };
  note.good(say(ends[kind], { name, head: String(head) }));
  if (kind !== 'switch') return undefined;
  emit('fitted');
  return Promise.all([refreshHeads(), refreshClasses()]).catch(() => {});
}

async function stop() {
  halt.disabled = true;
  await request('v1/job', { method: 'DELETE' }).catch((failure) => note.fail(failure));
}
