// Shares that were counted, and how sure they are.

import { percent, say } from './language.js';

/// Nothing that was missed once is called complete, and nothing that happened once is called never.
export function share(value) {
  const edge = (value > 0.995 && value < 1) || (value > 0 && value < 0.005);
  return percent(edge ? Math.min(0.999, Math.max(0.001, value)) : value, edge ? 1 : 0);
}

export const shareOf = ({ count, of }) => (of ? share(count / of) : '–');

/// `3 of 4`
export const ofAll = ({ count, of }) => say('trust.of', { count, of });

/// Pictures of one moment are nearly the same picture, so it is said where there are fewer moments.
const isOfMoments = ({ of, groups }) => Number.isInteger(groups) && groups < of;
const from = (text, part) => (isOfMoments(part) ? say('trust.moments', { text, n: part.groups }) : text);

/// `84 % to 99 %`, in which the truth is in 19 of 20 cases.
export const between = (part) => from(say('trust.between', { low: share(part.low), high: share(part.high) }), part);

export const atMost = (part) => from(share(part.high), part);

/// Of fewer moments, or pictures where moments are not known, a share says little.
const FEW = 20;
export const isFew = ({ of, groups }) => (groups ?? of) < FEW;
export const few = (part) => (isFew(part) ? say(isOfMoments(part) ? 'trust.few.moments' : 'trust.few') : '');

/// Classes of which no picture was held out: all numbers are of the others.
export const notMeasured = ({ outcome }) => outcome.classes.filter(({ found }) => !found.of).map(({ label }) => label);
