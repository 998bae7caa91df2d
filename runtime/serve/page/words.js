// Numbers and times in words, and what the device says in its own.

import { known, language, number, percent, say } from './language.js';

/// A certainty is never called complete: 99.7 % is not 100 %.
export function certainty(share) {
  if (share > 0.99) return say('certainty.over', { share: percent(0.99) });
  return share > 0 && share < 0.005 ? say('certainty.under', { share: percent(0.01) }) : percent(share);
}

/// `20 seconds`
export function span(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const minutes = Math.round(seconds / 60);
  const [value, unit] = seconds < 90 ? [seconds, 'second'] : minutes < 90 ? [minutes, 'minute'] : [Math.round(minutes / 60), 'hour'];
  return number(value, { style: 'unit', unit, unitDisplay: 'long' });
}

/// In steps that a screen reader can bear to say.
export function roughly(milliseconds) {
  const tens = Math.floor(milliseconds / 10_000) * 10_000;
  return tens ? span(tens) : say('time.moment');
}

/// What somebody typed as a name: the same letters are the same name, whichever keyboard made them.
export const typed = (field) => field.value.trim().normalize('NFC');

/// With a capital and a full stop; not for what may begin with the name of a class.
export function sentence(text) {
  const trimmed = (text ?? '').trim();
  const whole = !trimmed || /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
  return whole.charAt(0).toUpperCase() + whole.slice(1);
}

/// What the device says in English, for which the page has no text.
export function asItComes(text) {
  const element = document.createElement('span');
  if (language !== 'en') element.lang = 'en';
  element.append(sentence(text));
  return element;
}

/// The text of a code of the device; what it says itself where the code is new to the page.
export const ofCode = (group, code, words) => (known(`${group}.${code}`) ? say(`${group}.${code}`) : asItComes(words ?? code));

/// Why a picture is poor, of which the first words are the code: `too dark: expected …`.
export function poverty(because) {
  const code = because.split(':')[0].replaceAll(' ', '-');
  return known(`poor.${code}`) ? say(`poor.${code}`) : because;
}
