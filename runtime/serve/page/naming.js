// Choosing a class for something: those that there are, or a new one.

import { h, name } from './dom.js';
import { say, tell } from './language.js';
import { listed } from './store.js';
import { typed } from './words.js';

/// Chips for the classes and a field for another name. `chosen(label)`.
export function naming(chosen, { first = null, legend, field = say('naming.other'), ask = true } = {}) {
  const entries = listed();
  entries.sort((a, b) => (b.label === first) - (a.label === first));
  const input = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', 'aria-label': field, placeholder: field, 'data-new-name': true });
  const submit = (event) => {
    event.preventDefault();
    const label = typed(input);
    if (label) chosen(label);
    else input.focus();
  };
  return h(
    'div',
    { class: 'naming', role: 'group', 'aria-label': legend },
    ask ? h('p', { class: 'quiet', 'aria-hidden': 'true' }, legend) : null,
    h('div', { class: 'chips' }, entries.map(({ label }) => chip(label, null, () => chosen(label), label === first))),
    h('form', { class: 'row', onsubmit: submit }, input, h('button', { type: 'submit' }, say('use'))),
  );
}

/// That what was changed counts once it is taught.
export const teachNow = () => tell('teach-now', { teach: h('a', { href: '#teach' }, say('nav.teach')) });

export function chip(label, key, onclick, strong = false) {
  const inside = [key ? h('kbd', { 'aria-hidden': 'true' }, key) : null, name(label)];
  return h('button', { type: 'button', class: strong ? 'chip strong' : 'chip', onclick, 'data-label': label, 'aria-keyshortcuts': key }, inside);
}

