// Look: what the picture shows, as the device answers.

import { pause, sendPicture } from './api.js';
import { emit, on } from './bus.js';
import { bar, button, fill, h, name, Note } from './dom.js';
import { Explanation } from './explain.js';
import { list, number, say, tell } from './language.js';
import { naming, teachNow } from './naming.js';
import { reason } from './reason.js';
import { source } from './source.js';
import { classes, heads, mayChange, refreshClasses } from './store.js';
import { certainty, poverty, span } from './words.js';

const GAP = 250;

const big = h('p', { class: 'answer', id: 'answer' });
const sure = h('p', { class: 'sure', id: 'certainty' });
const others = h('ul', { class: 'others', id: 'others', 'aria-label': say('look.likely') });
const why = h('p', { class: 'quiet', id: 'rule' });
const age = h('p', { class: 'quiet', id: 'age', hidden: true });
const trouble = new Note({ id: 'look-note' });
const done = new Note({ id: 'wrong-note' });
const heard = h('p', { class: 'heard', role: 'status', id: 'heard' });
const whyButton = button(say('look.why'), () => explain(), { id: 'why' });
const wrongButton = button(say('look.wrong'), () => correct(), { id: 'wrong' });
const more = h('div', { id: 'look-more' });
const card = h(
  'section',
  { class: 'card answer-card', 'aria-label': say('look.answer') },
  h('div', { class: 'said' }, big, sure, others, why, age),
  trouble.element,
  h('div', { class: 'row act-on' }, whyButton, wrongButton),
  done.element,
  more,
  heard,
);

export const look = {
  usesSource: true,
  place: h('div', { class: 'slot' }),
  element: null,
  show() {
    gate = new AbortController();
    wrongButton.hidden = !mayChange();
    watch(gate.signal);
    ticking = setInterval(tellAge, 1000);
  },
  hide() {
    look.pause();
    close();
  },
  pause() {
    gate?.abort();
    clearInterval(ticking);
  },
};
look.element = h('div', { class: 'two' }, look.place, card);

let gate = null;
let ticking = null;
let answered = 0;
/// What the last answer is about, where it is no other the next time.
let asked = null;
let spoken = { text: '', at: 0 };

on('source', () => {
  asked = null;
  close();
  done.clear();
  blank(source.kind && !source.single ? say('look.waiting') : '');
});
on('heads', () => (asked = null));
on('session', () => (wrongButton.hidden = !mayChange()));

/// What is asked about.
const subject = () => JSON.stringify([source.kind, source.camera, source.stamp]);

async function watch(signal) {
  let wait = GAP;
  while (!signal.aborted) {
    const about = subject();
    const what = `${about} ${heads.live}`;
    const due = source.ready && !source.frozen && !(source.single && asked === what);
    if (!due) {
      if (!source.kind || (source.single && !source.ready)) blank('');
      await pause(200, signal);
      continue;
    }
    try {
      const { camera, from, picture } = await source.present();
      const answer = await sendPicture('v1/predict', { camera, path: from, top: 3, why: true }, picture, { signal, seconds: 10 });
      // Somebody may have chosen another source meanwhile.
      if (signal.aborted || source.frozen || subject() !== about) continue;
      show(answer);
      if (source.single) asked = what;
      wait = GAP;
    } catch (failure) {
      if (signal.aborted) return;
      if (subject() !== about) continue;
      wait = refuse(failure) ? 1000 : Math.min(Math.max(wait * 2, 1000, failure.after ?? 0), 10_000);
      // One that cannot be read is no better the next time.
      if (source.single && !failure.isPassing) asked = what;
    }
    await pause(wait, signal);
  }
}

function blank(words) {
  fill(big, h('span', { class: 'quiet' }, words));
  fill(sure);
  fill(others);
  fill(why);
  trouble.clear();
  card.dataset.state = 'blank';
  card.hidden = words === '';
  whyButton.disabled = wrongButton.disabled = true;
}

/// Whether it is only a moment until there is an answer.
function refuse(failure) {
  if (failure.status === 503 && heads.known && heads.live === null) {
    blank('');
    card.dataset.state = 'untaught';
    card.hidden = false;
    const way = mayChange() ? h('a', { href: '#teach' }, say('look.go-teach')) : say('look.others-teach');
    fill(big, h('span', { class: 'gentle' }, say('look.untaught'), ' ', way));
    wrongButton.disabled = true;
    return false;
  }
  // The stage says so.
  if (failure.code === 'camera-off') {
    blank('');
    return false;
  }
  // The first head is there, and the device has not opened it yet.
  if (failure.status === 503 && failure.code === 'no-head') {
    blank(say('look.ready'));
    return true;
  }
  if (failure.status) trouble.fail(failure);
  tellAge();
  return false;
}

function tellAge() {
  const old = Date.now() - answered;
  const stale = answered > 0 && old > 3000 && !source.frozen && !source.single && card.dataset.state === 'answer';
  age.hidden = !stale;
  card.dataset.old = stale ? 'yes' : 'no';
  if (stale) age.textContent = say('look.old', { time: span(old) });
}

function show(answer) {
  answered = Date.now();
  trouble.clear();
  tellAge();
  card.dataset.state = 'answer';
  card.hidden = false;
  card.dataset.kind = kind(answer);
  whyButton.disabled = wrongButton.disabled = false;
  const text = words(answer);
  fill(big, text.big);
  fill(sure, text.small);
  const top = answer.unknown ? [] : (answer.top ?? []);
  fill(others, top.map(({ label, score }) => h('li', {}, h('span', { class: 'others-name' }, name(label)), bar(score), h('span', { class: 'number' }, certainty(score)))));
  fill(why, answer.why && answer.why.rule !== 'likeliest' ? reason(answer.why) : '');
  speak(text.spoken);
}

function kind(answer) {
  if (answer.unknown) return 'unknown';
  if (answer.unsure) return 'unsure';
  return 'value' in answer ? 'number' : 'label';
}

function words(answer) {
  if (answer.unknown) {
    const nearest = answer.nearest ?? answer.top?.[0]?.label;
    const small = [say('look.unlike'), ...(nearest ? [' ', ...tell('look.nearest', { class: name(nearest) })] : [])];
    return { big: say('look.unknown'), small, spoken: [`${say('look.unknown')}. ${say('look.unlike')}`] };
  }
  if ('value' in answer) {
    const value = number(Number(answer.value), { maximumSignificantDigits: 4 });
    return { big: value, small: [], spoken: [value] };
  }
  if (answer.unsure || (answer.label === null && !answer.labels)) {
    const best = answer.top?.[0];
    const small = best ? tell('look.perhaps', { class: name(best.label), share: certainty(best.score) }) : [];
    return { big: say('look.unsure'), small, spoken: [say('look.unsure')] };
  }
  const labels = answer.labels ?? [answer.label];
  const said = labels.map((one) => one?.label ?? one);
  const parts = said.flatMap((label, place) => (place ? [', ', name(label)] : [name(label)]));
  const score = !said.length || answer.score === null || answer.score === undefined ? [] : [say('look.sure', { share: certainty(answer.score) })];
  return { big: said.length ? parts : say('look.none'), small: score, spoken: said.length ? list(said.map((label) => name(label))) : [say('look.none')] };
}

/// Says another answer to a screen reader, not every one of four a second.
function speak(parts) {
  const text = parts.map((part) => part.textContent ?? part).join('');
  if (text === spoken.text || Date.now() - spoken.at < 2500) return;
  spoken = { text, at: Date.now() };
  fill(heard, parts);
}

function close() {
  explanation?.end();
  explanation = null;
  fill(more);
  source.thaw();
}

let explanation = null;

async function explain() {
  if (!source.ready) return;
  done.clear();
  close();
  await source.freeze();
  explanation = new Explanation(() => {
    close();
    whyButton.focus();
  });
  fill(more, explanation.element);
  explanation.ask();
}

async function correct() {
  if (!source.ready) return;
  done.clear();
  close();
  const held = await source.freeze();
  const back = () => {
    close();
    wrongButton.focus();
  };
  const known = classes.labels.length > 0;
  const choose = naming((label) => keep(held, label, back), { legend: say('what'), ask: false, field: say(known ? 'look.new-name' : 'look.name') });
  const panel = h('div', { class: 'panel', id: 'wrong-panel', onkeydown: (e) => e.key === 'Escape' && back() });
  panel.append(h('h2', { tabindex: '-1' }, say('what')), choose, button(say('look.never-mind'), back));
  fill(more, panel);
  panel.querySelector('h2').focus();
}

async function keep(held, label, back) {
  try {
    const outcome = await sendPicture('v1/samples', { camera: held.camera, from: held.from, label, twins: 'keep' }, held.picture);
    const kind = outcome.outcome === 'known' && outcome.relabelled ? 'renamed' : outcome.outcome;
    back();
    done.good(...tell(`kept.${kind}`, { class: name(label), because: poverty(outcome.because ?? '') }), ' ', ...teachNow());
    emit('taught');
    refreshClasses().catch(() => {});
  } catch (failure) {
    done.fail(failure);
  }
}
