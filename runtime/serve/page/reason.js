// Which rule held an answer back, in words.

import { known, number, percent, tell } from './language.js';
import { name } from './dom.js';
import { asItComes } from './words.js';

const precise = (value) => number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/// `why` as the device tells it; its parts, which may be elements.
export function reason(why) {
  const { rule, class: label, nearest, said, likeliest, probability, least, threshold, strangeness, times } = why;
  const kind = rule !== 'threshold' ? rule : probability >= threshold ? 'threshold-reached' : 'threshold-missed';
  if (!known(`rule.${kind}`)) return [asItComes(why.sentence)];
  const isShare = rule !== 'unknown';
  return tell(`rule.${kind}`, {
    class: name(label ?? nearest ?? ''),
    said: name(said ?? ''),
    likeliest: name(likeliest ?? ''),
    share: percent(probability ?? 0, 1),
    least: percent(least ?? 0, 1),
    threshold: isShare ? percent(threshold ?? 0, 1) : precise(threshold),
    strangeness: precise(strangeness ?? 0),
    times,
  });
}
