// Trust, second part: where it decides. How many of a class are found, against false alarms; saved as a new version.

import { get, send } from './api.js';
import { atMost, between, few, notMeasured, ofAll, share, shareOf } from './counted.js';
import { button, fill, h, name, Note, offer, set } from './dom.js';
import { list, number, percent, say, tell } from './language.js';
import { heads, mayChange } from './store.js';
import { Plot } from './svg.js';

const choice = h('select', { id: 'trust-class', onchange: () => again() });
const slider = h('input', { type: 'range', id: 'trust-slider', min: 0, step: 1, 'aria-labelledby': 'trust-slider-label', oninput: () => draw() });
const force = h('p', { id: 'trust-force' });
const words = h('div', { id: 'trust-point' });
const chart = h('div', { class: 'chart' });
const note = new Note({ id: 'trust-note' });
/// Which aim would be lost.
const instead = h('p', { id: 'trust-instead', class: 'quiet', hidden: true });
const save = button(say('trust.save'), () => decide({ recall: { label: choice.value, at_least: exact(points[slider.value].found) }, ...kept() }), { class: 'primary', id: 'save-decision' });
const likeliest = button(say('trust.likeliest.again'), () => decide(report.decision.goal ? kept() : {}), { id: 'likeliest' });
const body = h(
  'div',
  {},
  h('label', { class: 'field inline' }, h('span', {}, say('trust.of.class')), choice),
  h('div', { class: 'slide' }, h('label', { class: 'reach', id: 'trust-slider-label', for: 'trust-slider' }, say('trust.slider')), slider, h('p', { class: 'ends quiet', 'aria-hidden': 'true' }, h('span', {}, say('trust.fewer')), h('span', {}, say('trust.more')))),
  words,
  chart,
);
const lacking = h('p', {});

let report = null;
let points = [];
/// What is in force.
let now = null;
/// Classes of which no picture was held out.
let unmeasured = [];
let turn = 0;
let taken = () => {};

export const threshold = {
  element: h('section', { class: 'card', 'aria-labelledby': 'trust-decision-title' }, h('h2', { id: 'trust-decision-title' }, say('trust.decision.title')), force, lacking, body, instead, h('div', { class: 'row' }, save, likeliest), note.element),
  /// `saved(version)` is told of a new version.
  onsaved(told) {
    taken = told;
  },
  show(next) {
    report = next;
    empty();
    const fits = report.task === 'classification';
    threshold.element.hidden = !fits;
    if (!fits) return;
    fill(force, decision(report.decision));
    body.hidden = !report.outcome;
    lacking.hidden = !!report.outcome;
    lacking.textContent = report.outcome ? '' : say('trust.decision.lacking');
    may();
    if (!report.outcome) return;
    unmeasured = notMeasured(report);
    offer(choice, report.classes.map((label) => [label, label]));
    choice.value = report.classes.includes(choice.dataset.chosen) ? choice.dataset.chosen : first();
    load();
  },
};

/// The class of the goal, else the one that is missed most.
function first() {
  const goal = report.decision?.class?.label;
  const missed = report.outcome.classes.filter(({ found }) => found.of).sort((a, b) => exact(a.found) - exact(b.found))[0];
  return goal ?? missed?.label ?? report.classes[0];
}

function aim({ recall, precision, cost }) {
  if (recall) return tell('trust.force.recall', { share: share(recall.share), label: name(recall.label) });
  if (precision) return tell('trust.force.precision', { share: share(precision.share), label: name(precision.label) });
  return tell('trust.force.cost', { wrong: name(cost.wrong), taken: name(cost.taken_for), times: number(cost.times) });
}

/// What is in force, in words.
export function decision(set) {
  if (!set) return say('trust.force.likeliest');
  const { goal, least, reached } = set;
  const parts = goal ? [aim(goal)] : [];
  if (least !== null && least !== undefined) parts.push([say('trust.force.least', { least: percent(least) })]);
  if (!reached) parts.push([say('trust.force.unreached')]);
  return parts.flatMap((part, place) => (place ? [' ', ...part] : part));
}

const exact = ({ count, of }) => count / of;

/// What stays in force of it, whatever the aim is.
const kept = () => ({ least: report.decision?.least ?? undefined });

/// Until the points of the chosen class are there, none can be shown or saved.
function empty() {
  turn += 1;
  points = [];
  now = null;
  slider.disabled = save.disabled = true;
  instead.hidden = true;
  set(slider, 'aria-valuetext', null);
  fill(words);
  fill(chart);
  for (const key of Object.keys(words.dataset)) delete words.dataset[key];
}

/// An aim in force that is not to find more or fewer of this class is named before it is lost.
function warn() {
  const goal = report.decision?.goal;
  const other = goal && goal.recall?.label !== choice.value;
  instead.hidden = save.hidden || !other;
  fill(instead, other ? [say('trust.instead'), ' ', ...aim(goal)] : null);
}

function may() {
  const live = report.version === heads.live;
  save.hidden = !mayChange() || !live || !report.outcome;
  likeliest.hidden = !mayChange() || !live || !report.decision;
  likeliest.textContent = say(report.decision && !report.decision.goal ? 'trust.least.none' : 'trust.likeliest.again');
  if (mayChange() && !live) note.say(say('trust.not.live'));
  else if (note.element.dataset.kind === 'said') note.clear();
}

function again() {
  note.recovered();
  load();
}

async function load() {
  empty();
  const mine = turn;
  choice.dataset.chosen = choice.value;
  try {
    const curve = await get(`v1/heads/${report.version}/curve`, { label: choice.value }, { seconds: 60 });
    if (mine !== turn) return;
    ({ points, now } = curve);
  } catch (failure) {
    if (mine === turn) note.fail(failure);
    return;
  }
  if (!points.length) return void fill(words, h('p', {}, tell('trust.curve.none', { label: name(choice.value) })));
  slider.disabled = false;
  const set = report.decision?.class?.label === choice.value ? points.findIndex(({ probability }) => probability === report.decision.probability) : -1;
  const near = points.findIndex(({ found }) => found.count >= now.found.count);
  slider.max = points.length - 1;
  slider.value = set >= 0 ? set : near < 0 ? points.length - 1 : near;
  draw();
}

function draw() {
  const point = points[slider.value];
  if (!point) return;
  const { found, right, false_alarms: alarms } = point;
  const label = name(choice.value);
  Object.assign(words.dataset, { found: found.count, of: found.of, alarms: alarms.count, others: alarms.of });
  const finds = tell('trust.finds', { count: found.count, of: found.of, label, between: between(found) });
  const values = { n: alarms.count, of: alarms.of, between: between(alarms), high: atMost(alarms) };
  const raises = alarms.of === 0 ? say('trust.alarms.none.seen') : alarms.count ? say('trust.alarms', values) : say('trust.alarms.none', values);
  fill(
    words,
    h('p', { class: 'lead' }, finds, ' ', raises),
    unmeasured.length ? h('p', { class: 'quiet' }, tell('trust.alarms.unmeasured', { list: h('span', {}, list(unmeasured.map((label) => name(label)))) })) : null,
    h('p', { class: 'quiet' }, right.of ? tell('trust.point.right', { label: name(choice.value), right: ofAll(right), share: shareOf(right) }) : null, ' ', tell('trust.point.from', { label: name(choice.value), probability: number(point.probability, { maximumFractionDigits: 3 }) }), ` ${few(found)}`),
  );
  set(slider, 'aria-valuetext', words.firstElementChild.textContent);
  // Where it would change nothing about these pictures, there is nothing to save.
  const same = now.found.count === found.count && now.false_alarms.count === alarms.count;
  save.disabled = found.count === 0 || same;
  warn();
  picture(point);
}

const part = ({ count, of }) => (of ? count / of : 0);

function picture(point) {
  const most = Math.min(1, Math.max(0.04, ...points.map(({ false_alarms: alarms }) => part(alarms)), point.false_alarms.of ? point.false_alarms.high : 0));
  const plot = new Plot({ label: say('trust.curve.about', { label: choice.value }), across: say('trust.axis.alarms'), up: say('trust.axis.found'), most, marks: (value) => percent(value, value > 0 && value < 0.1 ? 1 : 0) });
  plot.line([[0, 0], ...points.map(({ found, false_alarms: alarms }) => [part(alarms), part(found)])], { class: 'curve' });
  const [x, y] = [part(point.false_alarms), part(point.found)];
  plot.line([[x, point.found.low], [x, point.found.high]], { class: 'whisker' });
  if (point.false_alarms.of) plot.line([[point.false_alarms.low, y], [point.false_alarms.high, y]], { class: 'whisker' });
  plot.add('circle', { class: 'dot', cx: plot.x(x), cy: plot.y(y), r: 5 });
  if (now) plot.add('circle', { class: 'ring', cx: plot.x(part(now.false_alarms)), cy: plot.y(part(now.found)), r: 8 });
  fill(chart, plot.element, now ? h('p', { class: 'quiet' }, say('trust.ring')) : null);
}

async function decide(wanted) {
  const before = report.version;
  save.disabled = likeliest.disabled = true;
  try {
    const { live } = await send('v1/heads/decide', { ...wanted, version: before }, { seconds: 60 });
    await taken(live, before);
  } catch (failure) {
    note.fail(failure);
  } finally {
    likeliest.disabled = false;
    if (points.length) draw();
  }
}

export const decided = note;
