// Trust, last part: the versions, what changed from one to the next, and the way back.

import { verdict } from './comparison.js';
import { goBack, holdsFor, useVersion } from './choose.js';
import { between, ofAll, share } from './counted.js';
import { button, confirm, fill, h, name, Note, set } from './dom.js';
import { list, say, tell, when } from './language.js';
import { heads, mayChange } from './store.js';
import { decision } from './threshold.js';

/// So many classes of which there are more or fewer pictures are named.
const NAMED = 5;

const note = new Note({ id: 'history-note' });
const title = h('h2', { id: 'history-title', tabindex: '-1' }, say('trust.history.title'));
const asked = h('div', {});
const lines = h('ul', { class: 'history', id: 'history' });
const back = button(say('fit.back'), askBack, { class: 'small', id: 'history-back' });

export const history = {
  element: h('section', { class: 'card wide', 'aria-labelledby': 'history-title' }, title, note.element, h('div', { class: 'row' }, back), asked, lines),
  note,
  /// `looked`: the version whose numbers are shown; `look(version)` shows those of another.
  draw(looked, look) {
    const all = [...heads.heads].sort((a, b) => b.version - a.version);
    const before = new Map(all.map((head) => [head.version, head]));
    const held = heldIn(lines);
    fill(lines, all.map((head) => line(head, before.get(head.changed?.against), looked, look)));
    if (held) (lines.querySelector(held) ?? title).focus({ preventScroll: true });
    back.hidden = !mayChange() || !all.some(({ version, state }) => state === 'earlier' && version < heads.live);
  },
};

/// How the button that has the focus is found again; null where none has it.
function heldIn(place) {
  const held = place.contains(document.activeElement) ? document.activeElement : null;
  const key = ['use', 'look'].find((key) => held?.dataset[key]);
  return key ? `[data-${key}="${held.dataset[key]}"]` : null;
}

function line(head, before, looked, look) {
  const { version, state, fitted_at: at, note: said, error, quality, changed } = head;
  const tag = state === 'earlier' ? null : h('span', { class: 'tag' }, say(`fit.${state}`));
  const title = h('p', {}, h('strong', {}, say('fit.version', { version: String(version) })), tag, h('span', { class: 'quiet' }, ` ${when(at)}`));
  const parts = [title];
  if (said) parts.push(h('p', {}, h('bdi', {}, said)));
  if (error) parts.push(h('p', { class: 'note', 'data-kind': 'failed', lang: 'en' }, error));
  if (quality && !changed?.only_decision) parts.push(h('p', {}, grade(quality, before?.quality)));
  if (!error) parts.push(h('ul', { class: 'news' }, news(head, before).map((one) => h('li', {}, one))));
  const use = mayChange() && state !== 'live' && !error ? button(say('use'), () => act(() => useVersion(version)), { class: 'small', 'data-use': version, 'aria-label': say('fit.use-version', { version: String(version) }) }) : null;
  const see = version === looked || error ? null : button(say('trust.look'), () => look(version), { class: 'small', 'data-look': version, 'aria-label': say('trust.look.which', { version: String(version) }) });
  parts.push(h('div', { class: 'row' }, use, see));
  return h('li', { 'data-version': version, 'data-state': state, 'data-looked': version === looked ? 'yes' : 'no' }, parts);
}

function grade(quality, before) {
  const values = { share: share(quality.accuracy), n: quality.pictures, between: between({ low: quality.low, high: quality.high }) };
  if (!before) return say('trust.grade', values);
  return say('trust.grade.since', { ...values, before: share(before.accuracy) });
}

/// What is different since the one before.
function news({ kind, backbone, pictures, changed, comparison, decision: set }, before) {
  if (!changed || !before) return [say('trust.first.version', { n: pictures })];
  const { only_decision: same, classes, pictures: changes } = changed;
  if (same) return [[say('trust.same.weights'), ' ', decision(set)].flat(), ...comes(set)];
  const found = [];
  const counted = ['added', 'relabelled', 'renamed', 'removed'].filter((word) => changes?.[word]);
  if (counted.length) found.push(say('trust.pictures', { list: list(counted.map((word) => say(`news.${word}`, { n: changes[word] }))).join('') }));
  else if (changes) found.push(say('trust.pictures.same'));
  else found.push(say('trust.pictures.unknown', { before: before.pictures, n: pictures }));
  if (classes.length) found.push(classNews(classes));
  if (kind !== before.kind) found.push(say('trust.kind'));
  if (backbone !== before.backbone) found.push(say('trust.backbone', { before: before.backbone ?? '–', after: backbone ?? '–' }));
  if (JSON.stringify(set?.goal ?? null) !== JSON.stringify(before.decision?.goal ?? null) || set?.least !== before.decision?.least) found.push(decision(set), ...comes(set));
  if (comparison?.against === changed.against) found.push(verdict(comparison));
  return found;
}

/// What a decision comes to.
function comes(set) {
  if (!set?.class) return [];
  const { label, found, false_alarms: alarms } = set.class;
  return [tell('trust.decided', { label: name(label), found: ofAll(found), alarms: ofAll(alarms) })];
}

function classNews(classes) {
  const key = ({ before, after }) => (!before ? 'trust.class.new' : !after ? 'trust.class.gone' : 'trust.class.changed');
  const one = (change) => h('span', {}, tell(key(change), { ...change, label: name(change.label) }));
  const rest = classes.length - NAMED;
  const shown = classes.slice(0, NAMED).map(one);
  if (rest > 0) shown.push(say('trust.classes.more', { n: rest }));
  return list(shown);
}

/// Does it, and says which version is in use then.
export async function act(choose) {
  note.clear();
  try {
    const live = await choose();
    note.good(say('fit.version-in-use', { version: String(live) }));
    holdsFor(live, note);
  } catch (failure) {
    note.fail(failure);
  }
}

function askBack() {
  confirm(asked, say('fit.back-question', { version: String(heads.live) }), say('fit.back-yes'), () => act(goBack));
}
