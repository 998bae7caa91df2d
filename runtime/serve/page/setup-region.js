// A part of a picture, drawn with mouse, finger or keys.

import { button, fill, h } from './dom.js';
import { percent, say } from './language.js';

const SVG = 'http://www.w3.org/2000/svg';
/// The least side, as a share of the picture.
const LEAST = 0.05;
const STEP = 0.01;
/// How near to a corner or side a finger must be to take it, in pixels.
const REACH = 28;

const clamp = (value, low = 0, high = 1) => Math.min(high, Math.max(low, value));
const round = (value) => Math.round(value * 1000) / 1000;

/// Corners of a region as the device has it: `[left, top, right, bottom]` or `[[x, y], …]`.
function corners(region) {
  if (Array.isArray(region[0])) return region;
  const [left, top, right, bottom] = region;
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

function bounds(region) {
  if (!region) return [0, 0, 1, 1];
  const points = corners(region);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/// Darkens what is outside a region.
export function shade() {
  const element = document.createElementNS(SVG, 'svg');
  const outside = document.createElementNS(SVG, 'path');
  const line = document.createElementNS(SVG, 'path');
  for (const [key, value] of [['class', 'shade'], ['viewBox', '0 0 1 1'], ['preserveAspectRatio', 'none'], ['aria-hidden', 'true']]) element.setAttribute(key, value);
  outside.setAttribute('class', 'outside');
  outside.setAttribute('fill-rule', 'evenodd');
  line.setAttribute('class', 'line');
  line.setAttribute('vector-effect', 'non-scaling-stroke');
  element.append(outside, line);
  return {
    element,
    draw(region) {
      const path = region ? `M${corners(region).map((point) => point.join(' ')).join('L')}Z` : '';
      outside.setAttribute('d', region ? `M0,0H1V1H0Z${path}` : '');
      line.setAttribute('d', path);
    },
  };
}

export class Region {
  /// `ratio` of the picture's sides, so that nothing moves once it is there.
  constructor(view, ratio, { save, close }) {
    this.sides = bounds(view.region);
    this.hasSettings = view.region_from === 'settings' || view.region_from === 'store';
    this.image = h('img', { alt: say('setup.picture-of', { camera: view.camera }), draggable: 'false' });
    this.shade = shade();
    this.frame = h(
      'div',
      { class: 'region', tabindex: '0', role: 'group', 'aria-describedby': 'region-help', onkeydown: (event) => this.#key(event) },
      ['nw', 'ne', 'se', 'sw'].map((corner) => h('span', { class: `corner ${corner}`, 'aria-hidden': 'true' })),
    );
    this.stage = h('div', { class: 'region-stage', id: 'region-stage' }, this.image, this.shade.element, this.frame);
    this.stage.style.setProperty('--ratio', ratio);
    this.said = h('p', { class: 'quiet', id: 'region-said', role: 'status' });
    this.element = h(
      'div',
      { class: 'region-editor', role: 'group', 'aria-label': say('setup.part-of', { camera: view.camera }), onkeydown: (event) => event.key === 'Escape' && close() },
      h('p', { class: 'quiet', id: 'region-help' }, say('setup.region-help'), h('span', { class: 'keys' }, ` ${say('setup.region-keys')}`)),
      this.stage,
      this.said,
      h(
        'div',
        { class: 'row' },
        button(say('setup.save-part'), () => save(this.#wanted()), { class: 'primary', id: 'region-save' }),
        button(say('setup.whole'), () => this.#set([0, 0, 1, 1]), { id: 'region-whole' }),
        button(say('setup.cancel'), close, { id: 'region-cancel' }),
      ),
    );
    this.image.addEventListener('load', () => this.stage.style.setProperty('--ratio', this.image.naturalWidth / this.image.naturalHeight || 4 / 3));
    this.stage.addEventListener('pointerdown', (event) => this.#down(event));
    this.stage.addEventListener('pointermove', (event) => this.#move(event));
    for (const kind of ['pointerup', 'pointercancel']) this.stage.addEventListener(kind, () => (this.drag = null));
    this.#set(this.sides);
    // A part of another shape stays until another is drawn.
    this.shape = Array.isArray(view.region?.[0]) ? view.region : null;
    if (this.shape) this.shade.draw(this.shape);
  }

  focus() {
    this.frame.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: 'center' });
  }

  show(blob, url) {
    const own = blob ? URL.createObjectURL(blob) : url;
    if (!own) return;
    const old = this.url;
    this.url = blob ? own : null;
    this.image.src = own;
    if (old) setTimeout(() => URL.revokeObjectURL(old), 1000);
  }

  /// All of it is no part, unless the settings file names one.
  #wanted() {
    if (this.shape) return this.shape;
    const isAll = this.sides.every((side, place) => side === [0, 0, 1, 1][place]);
    return isAll && !this.hasSettings ? null : this.sides;
  }

  #set(sides) {
    this.sides = sides.map(round);
    this.shape = null;
    const [left, top, right, bottom] = this.sides;
    this.shade.draw(this.sides);
    for (const [key, value] of [['left', left], ['top', top], ['width', right - left], ['height', bottom - top]]) this.frame.style[key] = `${value * 100}%`;
    const words = say('setup.region-is', { left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top) });
    this.frame.setAttribute('aria-label', words);
    clearTimeout(this.saying);
    this.saying = setTimeout(() => fill(this.said, words), 300);
  }

  #at(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: clamp((event.clientX - box.left) / box.width), y: clamp((event.clientY - box.top) / box.height), reachX: REACH / box.width, reachY: REACH / box.height };
  }

  #down(event) {
    if (event.button > 0 || this.drag) return;
    event.preventDefault();
    this.frame.focus({ preventScroll: true });
    this.stage.setPointerCapture(event.pointerId);
    const at = this.#at(event);
    const [left, top, right, bottom] = this.sides;
    const near = (value, side, reach) => Math.abs(value - side) <= Math.min(reach, 0.25);
    const within = at.x >= left - at.reachX && at.x <= right + at.reachX && at.y >= top - at.reachY && at.y <= bottom + at.reachY;
    const x = near(at.x, left, at.reachX) ? 0 : near(at.x, right, at.reachX) ? 2 : null;
    const y = near(at.y, top, at.reachY) ? 1 : near(at.y, bottom, at.reachY) ? 3 : null;
    const isAll = this.sides.join() === '0,0,1,1';
    if (within && (x !== null || y !== null) && !(isAll && (x === null || y === null))) this.drag = { kind: 'resize', x, y };
    else if (!isAll && at.x > left && at.x < right && at.y > top && at.y < bottom) this.drag = { kind: 'move', from: at, sides: this.sides };
    else this.drag = { kind: 'draw', from: at };
  }

  #move(event) {
    if (!this.drag) return;
    const at = this.#at(event);
    const { kind, from } = this.drag;
    if (kind === 'draw') {
      if (Math.abs(at.x - from.x) < LEAST || Math.abs(at.y - from.y) < LEAST) return;
      this.#set([Math.min(at.x, from.x), Math.min(at.y, from.y), Math.max(at.x, from.x), Math.max(at.y, from.y)]);
    } else if (kind === 'move') {
      this.#shift(this.drag.sides, at.x - from.x, at.y - from.y);
    } else {
      const sides = [...this.sides];
      if (this.drag.x !== null) sides[this.drag.x] = this.drag.x === 0 ? Math.min(at.x, sides[2] - LEAST) : Math.max(at.x, sides[0] + LEAST);
      if (this.drag.y !== null) sides[this.drag.y] = this.drag.y === 1 ? Math.min(at.y, sides[3] - LEAST) : Math.max(at.y, sides[1] + LEAST);
      this.#set(sides.map((side) => clamp(side)));
    }
  }

  #shift([left, top, right, bottom], x, y) {
    const [byX, byY] = [clamp(x, -left, 1 - right), clamp(y, -top, 1 - bottom)];
    this.#set([left + byX, top + byY, right + byX, bottom + byY]);
  }

  /// Arrows move it, with Shift they move its right and lower side; with Ctrl by more.
  #key(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (!way || event.altKey || event.metaKey) return;
    event.preventDefault();
    const [x, y] = way.map((part) => part * STEP * (event.ctrlKey ? 10 : 1));
    const [left, top, right, bottom] = this.sides;
    if (event.shiftKey) this.#set([left, top, clamp(right + x, left + LEAST), clamp(bottom + y, top + LEAST)]);
    else this.#shift(this.sides, x, y);
  }
}
