// What is said over the picture, and where there is none.

import { button, fill, h } from './dom.js';
import { known, say, tell } from './language.js';
import { asItComes, poverty, roughly } from './words.js';

/// What the device says of one of its cameras; null where there is nothing to say.
function stateWords(told) {
  if (!told || !known(`camera.${told.state}`)) return null;
  const { state, because } = told;
  // What was measured, or the words of a program that failed.
  const why = state === 'poor' ? poverty(because ?? '') : asItComes(because ?? '');
  return tell(`camera.${state}`, { because: why, setup: h('a', { href: '#setup' }, say('nav.setup')) });
}

/// What is wrong with its pictures, of which the last came at `at`; null where nothing is.
export function staleWords(told, at) {
  const state = stateWords(told);
  const old = Date.now() - at;
  if (at && old > 5000) return [say('source.old', { time: roughly(old) }), ...(state ? [' ', ...state] : [])];
  // A picture that just came is newer than these.
  return at && ['connecting', 'off'].includes(told?.state) ? null : state;
}

/// Why there is no picture of a camera.
export function waitingWords(camera, told) {
  const state = stateWords(told);
  if (told?.state === 'off') return state;
  const waits = say('source.waiting', { camera });
  return state ? [waits, ' ', ...state] : [waits];
}

/// Asks where pictures come from.
export function whereWords(choose, canStream) {
  return [
    h('p', { class: 'lead' }, say('source.where')),
    h('p', { class: 'quiet' }, say('source.what')),
    h(
      'div',
      { class: 'row centre' },
      canStream
        ? button(say('source.use-browser'), () => choose('browser'), { class: 'primary', id: 'use-browser' })
        : button(say('source.take'), () => choose('photo'), { class: 'primary', id: 'use-photo' }),
      button(say('source.use-file'), () => choose('file'), { id: 'use-file' }),
    ),
    canStream ? null : h('p', { class: 'quiet' }, say('source.why-photo')),
  ];
}

/// What is said already is not said again by a screen reader.
export function sayIn(place, parts) {
  if (place.textContent !== parts.map((part) => part.textContent ?? part).join('')) fill(place, parts);
}
