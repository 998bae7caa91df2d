// Elements without markup: all text goes in as text.

import { say } from './language.js';
import { asItComes } from './words.js';

export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else set(element, key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/// An attribute; `null` and `false` take it away.
export function set(element, key, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(key);
  else element.setAttribute(key, value === true ? '' : String(value));
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function button(text, onclick, attributes = {}) {
  return h('button', { type: 'button', onclick, ...attributes }, text);
}

/// The options of a choice, each a value and a text; elements stay where the values do, so that an open list stays open.
export function offer(select, options) {
  const same = select.options.length === options.length && options.every(([key], place) => select.options[place].value === key);
  if (!same) return fill(select, options.map(([key, text]) => h('option', { value: key }, text)));
  options.forEach(([, text], place) => {
    if (select.options[place].textContent !== text) select.options[place].textContent = text;
  });
  return select;
}

/// A name of a class or camera: in its own direction, whatever it is written in.
export function name(text, attributes = {}) {
  return h('bdi', { class: 'name', ...attributes }, text);
}

/// A bar of a share from 0 to 1.
export function bar(share, attributes = {}) {
  const inside = h('i');
  inside.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return h('span', { class: 'bar', 'aria-hidden': 'true', ...attributes }, inside);
}

/// What an error says, for people.
export function told(failure) {
  if (!(failure instanceof Error)) return [failure].flat();
  if (failure.foreign === false) return [failure.message];
  const hint = failure.hint ? asItComes(failure.hint) : null;
  hint?.classList.add('hint');
  return [asItComes(failure.message), ...(hint ? [' ', hint] : [])];
}

/// Says what happened, where it happened; a screen reader hears it too.
export class Note {
  constructor(attributes = {}) {
    this.element = h('p', { role: 'status', hidden: true, ...attributes, class: `note ${attributes.class ?? ''}` });
  }
  say(...children) {
    this.#show('said', children);
  }
  good(...children) {
    this.#show('good', children);
  }
  /// An error, or what to say.
  fail(failure, ...more) {
    if (failure?.name === 'AbortError') return;
    this.#show('failed', [...told(failure), ...more]);
  }
  clear() {
    this.element.hidden = true;
    this.element.replaceChildren();
  }
  /// What failed before is well now.
  recovered() {
    if (this.element.dataset.kind === 'failed') this.clear();
  }
  #show(kind, children) {
    this.element.hidden = false;
    this.element.dataset.kind = kind;
    fill(this.element, children);
  }
}

/// Asks in place whether it is meant; the focus then goes back to where it was.
export function confirm(place, question, yes, act) {
  const opener = document.activeElement;
  return new Promise((settle) => {
    const done = async (meant) => {
      const had = place.contains(document.activeElement) || document.activeElement === document.body;
      place.replaceChildren();
      if (had && opener?.isConnected) opener.focus();
      settle(meant);
      if (meant) await act();
    };
    const leave = (event) => {
      if (event.key !== 'Escape') return;
      // What the question is about stays selected.
      event.stopPropagation();
      done(false);
    };
    const first = button(yes, () => done(true), { class: 'primary', 'data-confirm': 'yes' });
    fill(
      place,
      h(
        'div',
        { class: 'confirm', role: 'group', 'aria-label': say('confirm.please'), onkeydown: leave },
        h('p', {}, question),
        first,
        button(say('confirm.cancel'), () => done(false), { 'data-confirm': 'no' }),
      ),
    );
    first.focus();
  });
}
