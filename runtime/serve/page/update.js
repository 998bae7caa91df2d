// A new program has another page than the one that is open: it is said, and the page is loaded again by whoever looks at it.

import { on } from './bus.js';
import { button, fill } from './dom.js';
import { say } from './language.js';
import { isOld } from './store.js';

const place = document.getElementById('update');

/// Nothing moves under a finger that holds or while somebody types.
const isBusy = () => Boolean(document.querySelector('[data-held=yes]') ?? document.activeElement?.closest('input[type=text], textarea')?.value);

on('session', show);

function show() {
  if (!isOld() || !place.hidden) return;
  if (isBusy()) return void setTimeout(show, 1000);
  fill(place, say('update.said'), ' ', button(say('update.load'), () => location.reload(), { id: 'load-again', class: 'small' }));
  place.hidden = false;
}
