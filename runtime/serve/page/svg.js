// Drawings by DOM calls: no markup, and no style that the page's policy forbids.

const SPACE = 'http://www.w3.org/2000/svg';

export function s(name, attributes, ...children) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes ?? {})) if (value !== null && value !== undefined) element.setAttribute(key, String(value));
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const WIDE = 320;
const HIGH = 214;
const LEFT = 54;
const BELOW = 36;
const TOP = 10;
const RIGHT = 14;

/// An area with two axes of shares; `x` and `y` give places in it.
export class Plot {
  /// `most`: the greatest share on the horizontal axis.
  constructor({ label, across, up, most = 1, marks }) {
    this.most = most;
    this.element = s('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, class: 'plot', role: 'img', 'aria-label': label });
    const grid = [0, 0.25, 0.5, 0.75, 1];
    for (const part of grid) {
      const [x, y] = [this.x(part * most), this.y(part)];
      this.add('line', { class: 'grid-line', x1: LEFT, x2: WIDE - RIGHT, y1: y, y2: y });
      if (part * 2 === Math.round(part * 2)) {
        this.#text(marks(part), { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' });
        this.#text(marks(part * most), { x, y: HIGH - BELOW + 15, 'text-anchor': part === 1 ? 'end' : part ? 'middle' : 'start' });
      }
    }
    this.#text(across, { x: (LEFT + WIDE - RIGHT) / 2, y: HIGH - 4, 'text-anchor': 'middle' });
    this.#text(up, { x: -(TOP + HIGH - BELOW) / 2, y: 11, transform: 'rotate(-90)', 'text-anchor': 'middle' });
  }

  x(share) {
    return LEFT + (Math.min(share, this.most) / this.most) * (WIDE - RIGHT - LEFT);
  }

  y(share) {
    return HIGH - BELOW - share * (HIGH - BELOW - TOP);
  }

  add(name, attributes) {
    const element = s(name, attributes);
    this.element.append(element);
    return element;
  }

  line(points, attributes) {
    return this.add('polyline', { points: points.map(([x, y]) => `${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`).join(' '), ...attributes });
  }

  #text(words, attributes) {
    this.element.append(s('text', attributes, words));
  }
}
