// Why it says so: where in the picture, and which stored pictures are like it.

import { sendPicture } from './api.js';
import { button, fill, h, name, Note } from './dom.js';
import { number, say, tell } from './language.js';
import { reason } from './reason.js';
import { source } from './source.js';
import { listed } from './store.js';
import { letGo, stored } from './thumbs.js';

export class Explanation {
  #gate = new AbortController();
  #note = new Note({ id: 'explain-note' });
  #result = h('div', {});
  #slider = h('input', { type: 'range', min: 0, max: 100, value: 65, id: 'opacity', oninput: () => this.#fade() });
  #choice = h('select', { id: 'explain-label', onchange: () => this.ask(this.#choice.value) });

  constructor(leave) {
    this.title = h('h2', { tabindex: '-1' }, say('why.title'));
    this.element = h('div', { class: 'panel', id: 'explanation', onkeydown: (e) => e.key === 'Escape' && leave() });
    this.element.append(this.title, this.#note.element, this.#result, button(say(source.single ? 'why.back' : 'why.back-to-live'), leave, { id: 'explain-back' }));
  }

  async ask(label) {
    this.#note.say(say('why.asking'));
    if (!label) this.title.focus();
    try {
      const { camera, picture } = await source.picture();
      const answer = await sendPicture('v1/explain', { camera, label }, picture, { signal: this.#gate.signal, seconds: 60 });
      if (this.#gate.signal.aborted) return;
      this.#note.clear();
      this.#show(answer);
    } catch (failure) {
      this.#note.fail(failure);
    }
  }

  #show({ reason: why, overlay, label, nearest }) {
    letGo(this.#result);
    const parts = [];
    if (why) parts.push(h('p', {}, reason(why)));
    if (overlay) {
      source.cover(new Blob([Uint8Array.from(atob(overlay), (letter) => letter.charCodeAt(0))], { type: 'image/png' }));
      this.#fade();
      const options = listed().filter((entry) => entry.in_head || entry.label === label);
      fill(this.#choice, options.map((entry) => h('option', { value: entry.label }, entry.label)));
      this.#choice.value = label;
      parts.push(
        h('p', { class: 'quiet' }, tell('why.lighter', { class: name(label ?? '') })),
        h('label', { class: 'field' }, h('span', {}, say('why.strength')), this.#slider),
      );
      if (options.length > 1) parts.push(h('label', { class: 'field inline' }, h('span', {}, say('why.for')), this.#choice));
    }
    if (nearest?.length) {
      parts.push(h('h3', {}, say('why.nearest')));
      parts.push(h('ul', { class: 'nearest' }, nearest.map((one) => h('li', {}, stored(one.id), one.label === null ? say('no-name') : name(one.label)))));
    }
    const focused = document.activeElement === this.#choice;
    fill(this.#result, parts);
    if (focused) this.#choice.focus();
  }

  #fade() {
    source.opacity = this.#slider.value / 100;
    this.#slider.setAttribute('aria-valuetext', number(this.#slider.value / 100, { style: 'percent' }));
  }

  end() {
    this.#gate.abort();
    letGo(this.element);
  }
}
