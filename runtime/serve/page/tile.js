// The button of one class: held, it collects.

import { Burst } from './burst.js';
import { bar, fill, h, name, set } from './dom.js';
import { say } from './language.js';
import { source } from './source.js';
import { dropFresh } from './store.js';

/// So many pictures are a start, where the device has no advice yet.
const START = 20;
/// A finger that moves sooner wants to scroll.
const TOUCH_DELAY = 140;

export class Tile {
  /// The one that is held, or was held last and has a picture on its way.
  #burst = null;
  #entry = null;
  /// Pictures when the button was pressed.
  #base = 0;
  #key = h('kbd', { 'aria-hidden': 'true' });
  #name = h('span', { class: 'tile-name' });
  #count = h('span', { class: 'tile-count' });
  #meter = h('span', { class: 'tile-meter' });
  #needs = h('span', { class: 'tile-needs' });
  #live = h('span', { class: 'tile-live', 'data-live': true });
  #drop = null;
  #timer = null;
  #clicked = 0;

  /// `told(burst, over)` as pictures come; `files(list, label)` for dropped or chosen files.
  constructor(label, { told, files }) {
    this.label = label;
    this.told = told;
    this.hold = h('button', { type: 'button', class: 'hold', 'data-hold': label, 'aria-describedby': 'hold-help' });
    this.hold.append(this.#key, this.#name, this.#meter, h('span', { class: 'tile-foot' }, this.#count, this.#needs, this.#live));
    fill(this.#name, name(label));
    const chooser = h('input', { type: 'file', multiple: true, accept: 'image/*', class: 'reach', 'aria-label': say('tile.add-to', { class: label }) });
    chooser.addEventListener('change', () => {
      files([...chooser.files], label);
      chooser.value = '';
    });
    this.#drop = h('button', { type: 'button', class: 'small', 'aria-label': say('tile.drop', { class: label }), onclick: () => dropFresh(label) }, say('tile.take-away'));
    const tools = h('div', { class: 'tile-tools' }, h('label', { class: 'button small' }, say('tile.add'), chooser), this.#drop);
    this.element = h('li', { class: 'tile', 'data-label': label }, this.hold, tools);
    this.#listen();
    dropTarget(this.element, (list) => files(list, label));
  }

  update(entry) {
    this.#entry = entry;
    const { pictures, needs, in_head: known, key, fresh } = entry;
    this.#key.hidden = !key;
    this.#key.textContent = key ?? '';
    set(this.hold, 'aria-keyshortcuts', key);
    set(this.element, 'title', needs ? say('tile.because', { n: needs.more, class: this.label, total: pictures + needs.more }) : null);
    this.#drop.hidden = !fresh;
    if (this.#burst) return this.#tally(this.#burst);
    this.#live.textContent = '';
    this.#count.textContent = say('pictures', { n: pictures });
    const more = needs?.more ?? (known ? 0 : Math.max(0, START - pictures));
    fill(this.#meter, bar(pictures / Math.max(1, pictures + more)));
    this.#needs.textContent = more > 0 ? say(pictures ? 'tile.more' : 'tile.begin', { n: more }) : say(known ? 'tile.enough' : 'tile.untaught');
  }

  /// What the device has counted already may hold some of the burst.
  #tally(burst) {
    this.#count.textContent = say('pictures', { n: Math.max(this.#entry?.pictures ?? 0, this.#base + burst.stored) });
  }

  #listen() {
    const { hold } = this;
    hold.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      hold.setPointerCapture(event.pointerId);
      if (event.pointerType === 'touch') this.#timer = setTimeout(() => this.begin(), TOUCH_DELAY);
      else this.begin();
    });
    hold.addEventListener('pointerup', () => {
      if (this.#timer) this.begin();
      this.end();
    });
    for (const kind of ['pointercancel', 'lostpointercapture', 'blur']) hold.addEventListener(kind, () => this.end());
    hold.addEventListener('touchmove', (event) => this.#held && event.cancelable && event.preventDefault(), { passive: false });
    hold.addEventListener('contextmenu', (event) => event.preventDefault());
    hold.addEventListener('keydown', (event) => {
      if (event.key !== ' ' && event.key !== 'Enter') return;
      event.preventDefault();
      if (!event.repeat) this.begin();
    });
    hold.addEventListener('keyup', (event) => (event.key === ' ' || event.key === 'Enter') && this.end());
    // A screen reader clicks without pressing.
    hold.addEventListener('click', () => {
      if (Date.now() - this.#clicked < 700) return;
      this.begin();
      this.end();
    });
  }

  get #held() {
    return this.element.dataset.held === 'yes';
  }

  begin() {
    clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#held) return;
    if (!source.ready) return this.told(null, true);
    this.element.dataset.held = 'yes';
    this.#base = this.#entry?.pictures ?? 0;
    const burst = new Burst(this.label, () => this.#show(burst));
    this.#burst = burst;
    this.told(burst, false);
    burst.done.then(() => this.#over(burst));
  }

  end() {
    clearTimeout(this.#timer);
    this.#timer = null;
    // What ends without having begun, as where the list comes anew, is no press.
    if (this.#held) this.#clicked = Date.now();
    delete this.element.dataset.held;
    this.#burst?.release();
  }

  #show(burst) {
    this.told(burst, false);
    if (burst !== this.#burst) return;
    this.#live.textContent = burst.failure ? '' : burst.words;
    this.#live.dataset.poor = burst.because ?? '';
    this.#needs.textContent = '';
    this.#tally(burst);
  }

  /// It may be held again already.
  #over(burst) {
    if (burst === this.#burst) {
      delete this.element.dataset.held;
      this.#burst = null;
    }
    this.told(burst, true);
  }
}

/// Files that are dropped on `element`.
export function dropTarget(element, dropped) {
  const files = (event) => event.dataTransfer?.types.includes('Files');
  element.addEventListener('dragover', (event) => {
    if (!files(event)) return;
    event.preventDefault();
    event.stopPropagation();
    element.dataset.over = 'yes';
  });
  element.addEventListener('dragleave', () => delete element.dataset.over);
  element.addEventListener('drop', (event) => {
    delete element.dataset.over;
    if (!files(event)) return;
    event.preventDefault();
    event.stopPropagation();
    dropped([...event.dataTransfer.files]);
  });
}
