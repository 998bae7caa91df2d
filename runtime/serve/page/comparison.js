// Old against new, on pictures that neither had seen.

import { bar, h, name } from './dom.js';
import { known, list, number, percent, say, tell } from './language.js';
import { ofCode } from './words.js';

/// Those that are no shares.
const PLAIN = ['cost', 'root-mean-square'];

/// Frames of one burst count as one moment; fewer tell nothing small.
const FEW = 8;

/// The comparison that decided: pictures that both know, or of these those that the old one had learned from.
function decisive({ verdict, all, known }) {
  const behind = (one) => one && one.gain < 0 && -one.gain > 2.002 * one.error;
  return verdict === 'worse' && known && !behind(all) ? known : all;
}

export const isWorse = (comparison) => comparison?.verdict === 'worse';

/// In words, which may be elements.
export function verdict(comparison) {
  const onKnown = decisive(comparison) === comparison.known && comparison.known;
  return {
    better: () => [say('verdict.better')],
    'as-good': () => [say('verdict.as-good')],
    worse: () => [say(onKnown ? 'verdict.worse-on-known' : 'verdict.worse')],
    'not-compared': () => tell('verdict.not-compared', { why: comparison.reason ? ofCode('uncompared', comparison.code, comparison.reason) : '' }),
  }[comparison.verdict]();
}

/// In which the truth is in 19 of 20 cases, from independent groups.
function interval(share, groups) {
  const z = 1.96;
  const middle = (share + (z * z) / (2 * groups)) / (1 + (z * z) / groups);
  const half = (z / (1 + (z * z) / groups)) * Math.sqrt((share * (1 - share)) / groups + (z * z) / (4 * groups * groups));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

export function rows(comparison) {
  const compared = decisive(comparison);
  if (!compared) return [];
  const { measure } = comparison;
  const share = known(`measure.${measure}`) && !PLAIN.includes(measure);
  const shown = (value) => (share ? percent(value, 1) : number(value, { maximumSignificantDigits: 3 }));
  const scale = share ? 1 : Math.max(compared.old, compared.new) || 1;
  const row = (text, value, kind) => {
    const [low, high] = share && compared.groups ? interval(value, compared.groups) : [value, value];
    const line = bar(value / scale, { class: `bar ${kind}` });
    if (share && compared.groups) {
      const whisker = h('b');
      whisker.style.left = percentOf(low);
      whisker.style.width = percentOf(high - low);
      line.append(whisker);
    }
    const between = share && compared.groups ? h('span', { class: 'between' }, say('versus.between', { low: percent(low), high: percent(high) })) : null;
    return h('div', { class: 'versus', 'data-which': kind }, h('span', {}, text), line, h('span', { class: 'number' }, shown(value)), between);
  };
  const [low, high] = compared.interval;
  const points = (value) => number(share ? Math.max(-1, Math.min(1, value)) * 100 : value, share ? { minimumFractionDigits: 1, maximumFractionDigits: 1 } : { maximumSignificantDigits: 2 }).replace('-', '−');
  const values = { difference: points(compared.gain), low: points(low), high: points(high) };
  return [
    h('p', { class: 'quiet' }, tell('versus.of', { n: compared.pictures, measure: ofCode('measure', measure) }), compared.groups < FEW ? ` ${say('versus.few')}` : null),
    row(say('versus.old'), compared.old, 'old'),
    row(say('versus.new'), compared.new, 'new'),
    h('p', { class: 'quiet' }, low === high ? say('versus.same') : say(share ? 'versus.points' : 'versus.difference', values)),
  ];
}

const percentOf = (share) => `${share * 100}%`;

/// What is new beside that: classes that the old one cannot name, and pictures that came or went.
export function news({ new_classes: found, changes }) {
  const lines = (found ?? []).map(({ label, found: part }) => h('li', {}, tell('news.class', { n: part.of, class: name(label), found: part.count })));
  const words = ['added', 'relabelled', 'renamed', 'removed'].filter((kind) => changes?.[kind] > 0);
  if (words.length) lines.push(h('li', {}, say('news.pictures', { what: list(words.map((kind) => say(`news.${kind}`, { n: changes[kind] }))).join('') })));
  return lines.length ? h('ul', { class: 'news' }, lines) : null;
}
