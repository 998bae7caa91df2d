// Set up: which cameras are on, and which part of their picture is looked at.

import { get, getPicture, pause, request } from './api.js';
import { on } from './bus.js';
import { button, fill, h, name, Note, set } from './dom.js';
import { known, say, when } from './language.js';
import { Region, shade } from './setup-region.js';
import { mayChange } from './store.js';
import { poverty } from './words.js';

const LISTED = 2000;
const PICTURE = 1000;

const list = h('ul', { class: 'cameras', id: 'setup-cameras' });
const none = h('p', { class: 'quiet', hidden: true }, say('setup.no-cameras'));
const note = new Note({ id: 'cameras-note' });
const cards = new Map();
let gate = null;

export const cameras = {
  element: h('section', { class: 'card', 'aria-labelledby': 'cameras-title' }, h('h2', { id: 'cameras-title' }, say('setup.cameras')), none, list, note.element),
  show() {
    gate = new AbortController();
    follow(gate.signal);
  },
  pause() {
    gate?.abort();
  },
  hide() {
    cameras.pause();
    cards.forEach((card) => card.hide());
  },
};

on('session', () => cards.forEach((card) => card.draw()));
on('event', ({ event }) => (event === 'camera-set' || event === 'camera') && gate && !gate.signal.aborted && refresh(gate.signal).catch(() => {}));

async function follow(signal) {
  cards.forEach((card) => card.run(signal));
  while (!signal.aborted) {
    await refresh(signal).catch((failure) => failure.status && note.fail(failure));
    await pause(LISTED, signal);
  }
}

async function refresh(signal) {
  const views = await get('v1/cameras', null, { signal });
  note.recovered();
  none.hidden = views.length > 0;
  for (const view of views) {
    if (!cards.has(view.camera)) {
      const card = new Card(view);
      cards.set(view.camera, card);
      list.append(card.element);
      card.run(signal);
    }
    cards.get(view.camera).take(view);
  }
}

/// `PATCH`, whose answer is how the camera is now.
export async function change(camera, wanted) {
  const response = await request(`v1/cameras/${encodeURIComponent(camera)}`, { method: 'PATCH', json: wanted });
  const view = await response.json();
  cards.get(camera)?.take(view);
  return view;
}

class Card {
  constructor(view) {
    this.view = view;
    const id = `camera-${view.camera}`;
    this.image = h('img', { alt: '', draggable: 'false' });
    this.shade = shade();
    this.nothing = h('p', { class: 'nothing-seen' });
    this.picture = h('div', { class: 'small-view' }, this.image, this.shade.element, this.nothing);
    this.switch = button('', () => this.flip(), { role: 'switch', class: 'switch-on', id: `${id}-on`, 'aria-labelledby': `${id}-name` });
    this.state = h('p', { class: 'quiet', id: `${id}-state` });
    this.part = h('p', { class: 'quiet', id: `${id}-part` });
    this.choose = button(say('setup.choose-part'), () => this.edit(), { class: 'small', id: `${id}-region` });
    this.back = button(say('setup.as-settings'), () => this.send({ region: null }), { class: 'small', id: `${id}-settings` });
    this.note = new Note();
    this.place = h('div', { class: 'region-place' });
    this.body = h('div', { class: 'camera-body' }, this.picture, h('div', { class: 'camera-facts' }, this.state, this.part, h('div', { class: 'row' }, this.choose, this.back)));
    this.element = h(
      'li',
      { class: 'camera', 'data-camera': view.camera },
      h('div', { class: 'camera-head' }, h('h3', { id: `${id}-name` }, name(view.camera)), this.switch),
      this.body,
      this.note.element,
      this.place,
    );
    this.image.addEventListener('load', () => this.picture.style.setProperty('--ratio', this.image.naturalWidth / this.image.naturalHeight || 4 / 3));
  }

  take(view) {
    this.view = view;
    this.draw();
  }

  draw() {
    const { on: isOn, state, because, since, region, region_from: from, source } = this.view;
    const may = mayChange();
    set(this.switch, 'aria-checked', String(isOn));
    this.switch.disabled = !may;
    this.switch.textContent = say(isOn ? 'setup.on' : 'setup.off');
    const word = known(`setup.state.${state}`) ? say(`setup.state.${state}`) : state;
    fill(this.state, h('span', { class: 'camera-state', 'data-state': state }, word), ' · ', h('bdi', {}, source), state === 'live' || state === 'off' ? '' : ` · ${say('setup.since', { when: when(since) })}`, because ? [h('br'), state === 'poor' ? poverty(because) : h('span', { lang: 'en' }, because)] : '');
    const chosen = region ? (from === 'store' ? 'setup.part-chosen' : 'setup.part-settings') : 'setup.part-all';
    this.part.textContent = say(chosen);
    this.choose.hidden = !may || !isOn;
    this.back.hidden = !may || from !== 'store';
    this.shade.draw(region);
    if (!isOn) this.blank(say('setup.is-off'));
    else if (this.nothing.textContent === say('setup.is-off') || !this.image.src) this.blank(say('setup.no-picture'));
  }

  blank(words) {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    this.image.hidden = true;
    this.image.removeAttribute('src');
    this.shade.element.toggleAttribute('hidden', true);
    if (this.nothing.textContent !== words) this.nothing.textContent = words;
    this.nothing.hidden = false;
  }

  async run(signal) {
    while (!signal.aborted) {
      if (this.view.on) await this.fetch(signal).catch(() => {});
      await pause(PICTURE, signal);
    }
  }

  /// The whole upright picture: what is outside the region as well.
  async fetch(signal) {
    const path = `v1/cameras/${encodeURIComponent(this.view.camera)}/picture?whole=true`;
    const blob = await getPicture(path, signal);
    if (signal.aborted || !this.view.on) return;
    const old = this.url;
    this.url = URL.createObjectURL(blob);
    this.image.src = this.url;
    this.image.hidden = false;
    this.nothing.hidden = true;
    this.shade.element.toggleAttribute('hidden', false);
    this.editor?.show(blob);
    if (old) setTimeout(() => URL.revokeObjectURL(old), 1000);
  }

  flip() {
    return this.send({ on: !this.view.on });
  }

  async send(wanted) {
    this.note.clear();
    try {
      await change(this.view.camera, wanted);
      return true;
    } catch (failure) {
      this.note.fail(failure);
      return false;
    }
  }

  edit() {
    if (this.editor) return this.editor.element.querySelector('.region').focus();
    const close = () => {
      this.editor = null;
      fill(this.place);
      this.body.hidden = false;
      this.choose.focus();
    };
    this.editor = new Region(this.view, this.picture.style.getPropertyValue('--ratio') || 4 / 3, {
      save: async (region) => (await this.send({ region })) && close(),
      close,
    });
    fill(this.place, this.editor.element);
    this.body.hidden = true;
    this.editor.show(null, this.url);
    this.editor.focus();
  }

  hide() {
    this.editor = null;
    fill(this.place);
    this.body.hidden = false;
  }
}

