// Stored pictures to choose from: by click, with shift, with arrows, or dragged.

import { button, fill, h, name, set } from './dom.js';
import { percent, say, tell, when } from './language.js';
import { letGo, stored } from './thumbs.js';

export const DRAGGED = 'application/x-edgetl-pictures';

/// After a restore the same number may be of another picture.
const isSame = (one, other) => one.added_at === other.added_at && one.source === other.source;

/// Why a name is doubted.
const because = ({ suggested, probability, agreement }, label) =>
  say('grid.because', { suggested, name: label, sure: percent(probability), alike: percent(agreement) });

export class Grid {
  element = h('ul', { class: 'grid', id: 'grid', 'aria-label': say('stock.title') });
  selected = new Set();
  #cells = new Map();
  #order = [];
  #anchor = null;
  /// What the picture was pressed with; not every browser says so with the click.
  #pressed = null;
  #may;

  /// `changed()` when others are selected; `accept(id, label)` for a suggestion.
  constructor({ changed, accept, may }) {
    this.changed = changed;
    this.accept = accept;
    this.#may = may;
    this.element.addEventListener('keydown', (event) => this.#key(event));
  }

  get size() {
    return this.#order.length;
  }

  /// Replaces all; what is still there stays selected and in focus, wherever it goes.
  show(samples) {
    const kept = new Set(samples.map(({ id }) => id));
    const had = this.#order.findIndex((id) => this.#cells.get(id).item.contains(document.activeElement));
    const lost = had >= 0 && !kept.has(this.#order[had]);
    for (const id of this.#order) if (!kept.has(id)) this.#forget(id);
    this.#order = [];
    this.add(samples);
    for (const id of [...this.selected]) if (!kept.has(id)) this.selected.delete(id);
    if (lost && this.size) this.focus(this.#order[Math.min(had, this.size - 1)]);
    this.changed();
  }

  add(samples) {
    for (const sample of samples) {
      if (this.#order.includes(sample.id)) continue;
      const before = this.#cells.get(sample.id);
      if (before && !isSame(before.sample, sample)) {
        this.#forget(sample.id);
        this.selected.delete(sample.id);
      }
      const cell = this.#cells.get(sample.id) ?? this.#cell(sample.id);
      this.#cells.set(sample.id, cell);
      this.#order.push(sample.id);
      this.#draw(cell, sample);
    }
    // A browser takes the focus from what is moved.
    const focus = this.element.contains(document.activeElement) ? document.activeElement : null;
    this.#order.forEach((id, place) => {
      const { item } = this.#cells.get(id);
      if (this.element.children[place] !== item) this.element.insertBefore(item, this.element.children[place] ?? null);
    });
    focus?.focus({ preventScroll: true });
    this.#reachable();
  }

  /// After a change: other labels, or gone with `label` undefined.
  relabel(ids, label) {
    for (const id of ids) {
      const cell = this.#cells.get(id);
      if (cell) this.#draw(cell, { ...cell.sample, label, doubt: null });
    }
  }

  remove(ids) {
    const had = this.element.contains(document.activeElement);
    const first = Math.min(...ids.map((id) => this.#order.indexOf(id)).filter((place) => place >= 0));
    for (const id of ids) {
      this.#forget(id);
      this.selected.delete(id);
    }
    this.#order = this.#order.filter((id) => this.#cells.has(id));
    this.#reachable();
    const next = this.#order[Math.min(first, this.#order.length - 1)];
    if (had && next !== undefined) this.focus(next);
    this.changed();
  }

  /// What keys act on: the selection, else the picture in focus.
  targets() {
    if (this.selected.size) return [...this.selected];
    const id = Number(document.activeElement?.dataset?.pick);
    return this.#cells.has(id) ? [id] : [];
  }

  selectAll() {
    this.selected = new Set(this.#order);
    this.#mark();
  }

  clear() {
    this.selected.clear();
    this.#mark();
  }

  focus(id) {
    this.#reachable(id);
    this.#cells.get(id)?.pick.focus();
  }

  #forget(id) {
    const cell = this.#cells.get(id);
    if (!cell) return;
    letGo(cell.item);
    cell.item.remove();
    this.#cells.delete(id);
  }

  #cell(id) {
    const frame = stored(id);
    const mark = h('span', { class: 'mark', 'aria-hidden': 'true' }, '✓');
    const pick = h('div', { class: 'pick', role: 'button', tabindex: '-1', 'aria-pressed': 'false', 'data-pick': id, draggable: this.#may() ? 'true' : 'false' }, frame, mark);
    const under = h('div', { class: 'under' });
    const cell = { pick, under, item: h('li', { 'data-id': id }, pick, under), sample: null };
    pick.addEventListener('pointerdown', ({ pointerType }) => (this.#pressed = pointerType));
    pick.addEventListener('click', (event) => this.#click(id, event));
    pick.addEventListener('dragstart', (event) => {
      if (!this.selected.has(id)) this.#only(id);
      event.dataTransfer.setData(DRAGGED, JSON.stringify([...this.selected]));
      event.dataTransfer.effectAllowed = 'move';
    });
    return cell;
  }

  #draw(cell, sample) {
    cell.sample = sample;
    const { label, doubt, id } = sample;
    const values = { id: String(id), name: label ?? say('no-name'), suggested: doubt?.suggested };
    set(cell.pick, 'aria-label', say(doubt ? 'grid.doubtful-picture' : 'grid.picture', values));
    set(cell.pick, 'title', [sample.source, when(sample.added_at)].filter(Boolean).join('\n'));
    const parts = [h('span', { class: 'label' }, label === null ? h('em', {}, say('no-name')) : name(label))];
    if (doubt?.suggested && doubt.suggested !== label && this.#may()) {
      const inside = tell('grid.rather', { suggested: name(doubt.suggested) });
      const attributes = { type: 'button', class: 'small accept', title: because(doubt, label), 'data-accept': doubt.suggested, 'aria-label': say('grid.accept', values) };
      parts.push(h('button', { ...attributes, onclick: () => this.accept(id, doubt.suggested) }, inside));
    } else if (doubt) parts.push(h('span', { class: 'doubt', title: because(doubt, label) }, say('grid.doubtful')));
    cell.item.dataset.doubt = doubt ? 'yes' : 'no';
    const had = cell.under.contains(document.activeElement);
    fill(cell.under, parts);
    const still = cell.under.querySelector('button');
    if (had) still ? still.focus() : this.focus(id);
  }

  #click(id, event) {
    const isFinger = this.#pressed === 'touch' || this.#pressed === 'pen';
    this.#pressed = null;
    if (event.shiftKey && this.#anchor !== null) this.#range(id);
    else if (event.ctrlKey || event.metaKey || isFinger) this.#toggle(id);
    else if (this.selected.size === 1 && this.selected.has(id)) this.#toggle(id);
    else this.#only(id);
    this.focus(id);
  }

  #toggle(id) {
    if (!this.selected.delete(id)) this.selected.add(id);
    this.#anchor = id;
    this.#mark();
  }

  #only(id) {
    this.selected = new Set([id]);
    this.#anchor = id;
    this.#mark();
  }

  #range(id) {
    const places = [this.#order.indexOf(this.#anchor), this.#order.indexOf(id)];
    if (places[0] < 0) return this.#only(id);
    this.selected = new Set(this.#order.slice(Math.min(...places), Math.max(...places) + 1));
    this.#mark();
  }

  #mark() {
    for (const [id, { pick }] of this.#cells) set(pick, 'aria-pressed', this.selected.has(id) ? 'true' : 'false');
    this.changed();
  }

  /// One picture is in the order of tabs, arrows lead to the others.
  #reachable(id) {
    const now = id ?? this.#order.find((one) => this.#cells.get(one).pick.tabIndex === 0) ?? this.#order[0];
    for (const [one, { pick }] of this.#cells) pick.tabIndex = one === now ? 0 : -1;
  }

  #columns() {
    const top = this.element.children[0]?.offsetTop;
    return [...this.element.children].findIndex((item) => item.offsetTop !== top);
  }

  #key(event) {
    const id = Number(event.target.dataset?.pick);
    if (!this.#cells.has(id)) return;
    const place = this.#order.indexOf(id);
    const last = this.#order.length - 1;
    const row = this.#columns() < 0 ? last + 1 : this.#columns();
    const ways = { ArrowLeft: place - 1, ArrowRight: place + 1, ArrowUp: place - row, ArrowDown: place + row, Home: 0, End: last };
    if (event.key in ways) {
      event.preventDefault();
      const next = ways[event.key];
      if (next < 0 || next > last) return;
      if (event.shiftKey) {
        this.#anchor ??= id;
        if (!this.selected.has(id)) this.#anchor = id;
        this.#range(this.#order[next]);
      }
      this.focus(this.#order[next]);
    } else if (event.key === ' ' || event.key === 'Enter') {
      event.preventDefault();
      if (event.shiftKey) this.#range(id);
      else this.#toggle(id);
    }
  }
}
