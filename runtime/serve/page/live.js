// Whether the device answers, what it tells of itself, and that the page catches up with it.

import { Failure, pause, request } from './api.js';
import { emit, on } from './bus.js';
import { button, fill, h } from './dom.js';
import { say } from './language.js';
import { mayLook, refreshClasses, refreshHeads, refreshSession } from './store.js';
import { listen } from './stream.js';
import { roughly } from './words.js';

/// How long it is said that the connection is back.
const BACK = 5000;
/// Timers that stood still for so long: the machine slept, or the page was frozen.
const ASLEEP = 20_000;
const LOOK = 60_000;
/// After so long over https the device may have another certificate, about which a browser asks only when a page is loaded.
const LOAD = 15_000;

const banner = document.getElementById('banner');
/// Not for screen readers, which would say it again and again.
const age = h('span', { 'aria-hidden': 'true' });
const load = h('span', { hidden: true }, ' ', say('live.load'), ' ', button(say('update.load'), () => location.reload(), { class: 'small', id: 'live-load' }));
/// When the device was heard last, and since when it is not.
let heard = Date.now();
let lost = null;
let gate = null;

on('contact', ({ lost: since }) => {
  if (since === null) {
    heard = Date.now();
    if (lost !== null) found();
  } else if (lost === null) {
    lost = Math.min(since, heard);
    load.hidden = true;
    fill(banner, h('span', { class: 'reach' }, say('live.lost')), age, ' ', say('live.shown'), load);
    banner.hidden = false;
    tellAge();
    probe();
  }
});

function tellAge() {
  age.textContent = lost === null ? '' : say('live.since', { time: roughly(Date.now() - lost) });
  if (lost !== null && location.protocol === 'https:' && Date.now() - lost > LOAD) load.hidden = false;
}

/// What was missed is read before it is said that all is as it was.
async function found() {
  lost = null;
  age.textContent = '';
  emit('back');
  await catchUp();
  if (lost !== null) return;
  fill(banner, say('live.back'));
  await pause(BACK);
  if (lost === null) banner.hidden = true;
}

async function probe() {
  for (let second = 1; lost !== null; second++) {
    await pause(1000);
    tellAge();
    if (document.hidden || lost === null) continue;
    if (second % 3 === 0) await ask();
  }
}

const ask = () => request('v1/session', { seconds: 5 }).catch(() => {});

/// After events that nobody heard.
const missed = () => {
  emit('missed');
  return catchUp();
};

const catchUp = () => Promise.all([refreshSession(), refreshClasses(), refreshHeads()]).catch(quiet);

/// A failure of what nobody asked for: the banner says it where the device is away.
function quiet(failure) {
  if (!(failure instanceof Failure)) throw failure;
}

export function start() {
  if (gate || !mayLook()) return;
  gate = new AbortController();
  let before = false;
  const joined = () => {
    if (before) return missed();
    before = true;
    emit('joined');
    catchUp();
  };
  listen('v1/events', gate.signal, joined, (event) => {
    if (event.event === 'missed') missed();
    if (event.event === 'samples') refreshClasses().catch(quiet);
    if (event.event === 'head') refreshHeads().catch(quiet);
    emit('event', event);
  });
}

export function stop() {
  gate?.abort();
  gate = null;
}

/// Connections of before a sleep look open and are dead.
function wake() {
  if (!gate) return;
  stop();
  start();
  emit('back');
}

let ticked = Date.now();
let looked = Date.now();
setInterval(() => {
  const now = Date.now();
  if (now - ticked > ASLEEP && !document.hidden) wake();
  ticked = now;
  if (document.hidden || !gate || now - looked < LOOK) return;
  looked = now;
  refreshSession().catch(quiet);
}, 5000);
// Timers of a page that nobody sees stand still as well, and it reads everything when it is seen again.
document.addEventListener('visibilitychange', () => (ticked = Date.now()));
document.addEventListener('resume', wake);
// The browser may know before a request fails.
for (const kind of ['online', 'offline']) window.addEventListener(kind, ask);
