// Correct: what is stored, what has no name yet, and what the device wants to ask.

import { on } from './bus.js';
import { button, fill, h, set } from './dom.js';
import { number, say } from './language.js';
import { piles } from './piles.js';
import { renaming } from './rename.js';
import { review } from './review.js';
import { stock } from './stock.js';
import { classes, mayChange, refreshClasses, session } from './store.js';

const place = h('div', {});
const choices = h('div', { class: 'switch', role: 'group', 'aria-label': say('correct.which') });
const notice = h('p', { class: 'note', hidden: true });
const buttons = new Map([stock, piles, review].map((part) => [part, button(part.title, () => turn(part), { 'aria-pressed': 'false' })]));
const ids = ['show-stock', 'show-piles', 'show-review'];
[...buttons.values()].forEach((element, at) => (element.id = ids[at]));
choices.append(...buttons.values());

let part = stock;
let shown = false;

export const correct = {
  usesSource: false,
  element: null,
  show() {
    shown = true;
    refreshClasses().catch(() => {});
    turn(part);
  },
  hide() {
    shown = false;
    part.hide();
  },
};
correct.element = h('div', { class: 'stack' }, notice, choices, place, renaming(async () => shown && part.show()));

function turn(to) {
  part.hide();
  part = to;
  for (const [one, element] of buttons) set(element, 'aria-pressed', one === part ? 'true' : 'false');
  // A browser takes the focus from what is put in again.
  if (place.firstChild !== part.element) fill(place, part.element);
  if (shown) part.show();
}

on('classes', titles);
on('session', titles);
on('show-class', () => turn(stock));

function titles() {
  const numbers = new Map([[piles, classes.unlabelled], [review, classes.waiting]]);
  for (const [one, element] of buttons) element.textContent = numbers.get(one) ? `${one.title} (${number(numbers.get(one))})` : one.title;
  buttons.get(review).hidden = classes.waiting === null || classes.waiting === undefined;
  notice.hidden = mayChange();
  notice.textContent = session.access === 'read' ? say('correct.read-only') : '';
}
