// Trust, first part: how often it is right, what it mixes up, and the pictures behind each number.

import { get } from './api.js';
import { emit } from './bus.js';
import { between, few, notMeasured, ofAll, share, shareOf } from './counted.js';
import { button, fill, h, name, Note, set } from './dom.js';
import { list, number, say, tell } from './language.js';
import { mayChange } from './store.js';
import { letGo, stored } from './thumbs.js';

/// Beyond so many classes a table is nothing to look at.
const TABLE = 12;
const MIXED = 8;

const sentence = h('p', { class: 'lead', id: 'trust-right' });
/// Which classes none of these numbers is of.
const lacking = h('p', { id: 'trust-lacking' });
const more = h('p', { class: 'quiet' });
const mixed = h('div', {});
const table = h('div', {});
const each = h('div', {});
const note = new Note();
const behind = h('div', { id: 'behind', class: 'panel', hidden: true });

let version = null;
let opener = null;
/// The cell whose pictures are shown.
let shown = null;

export const confusion = {
  element: h('section', { class: 'card wide', 'aria-labelledby': 'trust-right-title' }, h('h2', { id: 'trust-right-title' }, say('trust.right.title')), sentence, lacking, more, mixed, table, note.element, behind, each),
  show(report) {
    version = report.version;
    close();
    note.clear();
    for (const place of [more, lacking, mixed, table, each]) fill(place);
    if (report.task === 'regression') return numbers(report);
    if (report.task === 'multilabel') return several(report);
    if (!report.outcome) return unknown(report);
    counted(report);
    confusions(report);
    const row = ({ label, found, right }) => (found.of ? [label, counts(found), counts(right)] : [label, ['–', ''], ['–', '']]);
    fill(each, classTable(report.outcome.classes.map(row)));
  },
  /// Pictures may have another name since, or be gone.
  again() {
    if (shown) look(shown).catch(() => {});
  },
};

function counted(report) {
  const { outcome: { right, silent }, quality, decision, unknown } = report;
  Object.assign(sentence.dataset, { count: right.count, of: right.of });
  fill(sentence, say('trust.right', { count: right.count, n: right.of, share: shareOf(right), between: between(right) }));
  const without = notMeasured(report);
  fill(lacking, without.length ? tell('trust.unmeasured.classes', { list: names(without) }) : null);
  const words = [few(right)];
  if (right.groups === null) words.push(say('trust.ungrouped'));
  if (silent.count) words.push(say('trust.silent', { n: silent.count }));
  if (decision && quality) words.push(say('trust.likeliest', { share: share(quality.accuracy) }));
  if (unknown) words.push(refuses(unknown));
  words.push(say('trust.unseen'));
  fill(more, words.filter(Boolean).join(' '));
}

const names = (labels) => h('span', {}, list(labels.map((label) => name(label))));

/// What is held out is not asked whether it is known: that is another share.
const refuses = ({ false_reject: part }) => say('trust.refuses', { share: share(part) });

/// A head that keeps no answers one by one.
function unknown({ quality, missing, per_class: classes }) {
  if (!quality) fill(sentence, say('trust.unmeasured'));
  else fill(sentence, say('trust.share', { share: share(quality.accuracy), n: quality.pictures, between: between(quality) }));
  fill(more, say(`trust.missing.${missing}`));
  if (quality) fill(each, classTable(classes.map(({ label, recall, precision }) => [label, plain(recall), plain(precision)])));
}

function numbers({ numbers: off, cv }) {
  if (!off) fill(sentence, say('trust.unmeasured'));
  else fill(sentence, say('trust.numbers', { off: number(off.mae, { maximumSignificantDigits: 3 }), n: cv.samples }));
  fill(more, off ? say('trust.numbers.more', { root: number(off.rmse, { maximumSignificantDigits: 3 }), share: share(Math.max(0, off.r2)) }) : say('trust.missing.nothing-held-out'));
}

function several({ cv, per_class: classes }) {
  if (cv.accuracy === null) {
    fill(sentence, say('trust.unmeasured'));
    return void fill(more, say('trust.missing.nothing-held-out'));
  }
  fill(sentence, say('trust.names', { share: share(cv.accuracy), n: cv.samples }));
  fill(more, say('trust.names.more'));
  fill(each, classTable(classes.map(({ label, recall, precision }) => [label, plain(recall), plain(precision)])));
}

const plain = (value) => [value === null ? '–' : share(value), ''];
const counts = (part) => (part.of ? [ofAll(part), between(part)] : [say('trust.none'), '']);

function classTable(rows) {
  const cell = ([main, beside]) => h('td', {}, main, beside ? h('span', { class: 'quiet' }, ` ${beside}`) : null);
  const row = ([label, found, right]) => h('tr', {}, h('th', { scope: 'row' }, name(label)), cell(found), cell(right));
  const head = ['trust.class', 'trust.found', 'trust.meant'].map((key) => h('th', { scope: 'col' }, say(key)));
  return h('details', { class: 'versions', open: rows.length <= 6 }, h('summary', {}, say('trust.each')), h('table', { class: 'each' }, h('thead', {}, h('tr', {}, head)), h('tbody', {}, rows.map(row))));
}

function confusions(report) {
  const { classes, outcome: { confusion: cells, silent } } = report;
  const wrong = cells.filter(({ label, said }) => label !== said).sort((a, b) => b.count - a.count);
  const all = new Map();
  for (const { label, count } of cells) all.set(label, (all.get(label) ?? 0) + count);
  const lines = wrong.slice(0, MIXED).map((cell) => h('li', {}, h('button', { type: 'button', class: 'mixed', onclick: () => open(cell) }, wording(cell, all.get(cell.label)))));
  const rest = wrong.length - lines.length;
  fill(mixed, wrong.length ? [h('h3', {}, say('trust.mixed')), h('ul', { class: 'mixes' }, lines), rest > 0 ? h('p', { class: 'quiet' }, say('trust.mixed.more', { n: rest })) : null] : h('p', {}, say(notMeasured(report).length ? 'trust.unmixed.kept' : 'trust.unmixed')));
  if (classes.length > TABLE) return;
  const columns = silent.count ? [...classes, null] : classes;
  const grid = matrix(classes, columns, cells, all);
  fill(table, h('details', { class: 'versions', open: classes.length < 5 || innerWidth >= 900 }, h('summary', {}, say('trust.table')), h('p', { class: 'quiet' }, say('trust.table.about')), grid));
}

const wording = ({ label, said, count }, of) =>
  h('span', {}, said === null ? tell('trust.cell.silent', { label: name(label), count, of }) : tell('trust.cell', { label: name(label), said: name(said), count, of }));

function matrix(classes, columns, cells, all) {
  const head = columns.map((said) => h('th', { scope: 'col' }, said === null ? h('em', {}, say('trust.nothing')) : name(said)));
  const row = (label) => h('tr', {}, h('th', { scope: 'row' }, name(label)), columns.map((said) => cellOf(cells.find((cell) => cell.label === label && cell.said === said), all.get(label), label, said)));
  const body = h('table', { class: 'matrix' }, h('thead', {}, h('tr', {}, h('td', {}), head)), h('tbody', {}, classes.map(row)));
  return h('div', { class: 'wide-table', tabindex: '0', role: 'region', 'aria-label': say('trust.table') }, body);
}

function cellOf(cell, of, label, said) {
  // Of no picture nothing was counted, not even none.
  if (!cell) return h('td', {}, h('span', { class: 'quiet' }, of ? '0' : '–'));
  const words = said === null ? say('trust.cell.silent', { label, count: cell.count, of }) : say('trust.cell', { label, said, count: cell.count, of });
  const element = button(number(cell.count), () => open(cell), { class: 'cell', 'aria-label': words, title: words, 'data-right': label === said ? 'yes' : 'no', 'data-label': label, 'data-said': said ?? '' });
  element.style.setProperty('--part', String(Math.max(0.12, cell.count / of)));
  return h('td', {}, element);
}

async function open(cell) {
  opener = document.activeElement;
  note.clear();
  try {
    await look(cell);
    // Another was tapped meanwhile.
    if (shown !== cell) return;
    behind.firstElementChild.focus({ preventScroll: true });
    behind.scrollIntoView({ block: 'nearest' });
  } catch (failure) {
    if (shown === cell) note.fail(failure);
  }
}

async function look(cell) {
  shown = cell;
  const { label, said } = cell;
  const found = await get(`v1/heads/${version}/pictures`, { label, said });
  if (shown === cell) draw(label, said, found);
}

function draw(label, said, { pictures, total, gone }) {
  letGo(behind);
  const values = { label: name(label), said: said === null ? null : name(said), n: total };
  const title = h('h3', { tabindex: '-1' }, said === null ? tell('trust.behind.silent', values) : tell('trust.behind', values));
  const words = [];
  if (pictures.length < total) words.push(say('trust.first', { n: pictures.length }));
  if (gone) words.push(say('trust.gone', { n: gone }));
  const item = ({ id, label: now, probability }) => h('li', {}, stored(id), h('span', { class: 'quiet' }, tell('trust.sure', { label: name(label), share: share(probability) })), now === label ? null : h('span', {}, tell('trust.now', { label: name(now) })));
  const correct = h('a', { href: '#correct', class: 'button', onclick: () => emit('show-class', label) }, say('trust.correct'));
  fill(behind, title, words.length ? h('p', { class: 'quiet' }, words.join(' ')) : null, h('ul', { class: 'nearest' }, pictures.map(item)), h('div', { class: 'row' }, mayChange() && pictures.length && label !== said ? correct : null, button(say('trust.close'), close, { id: 'behind-close' })));
  set(behind, 'data-label', label);
  behind.hidden = false;
}

function close() {
  shown = null;
  const had = behind.contains(document.activeElement);
  letGo(behind);
  behind.hidden = true;
  behind.replaceChildren();
  if (had && opener?.isConnected) opener.focus();
}
