// Small pictures, read when they come into sight and let go of when they leave the page.

import { request } from './api.js';
import { on } from './bus.js';
import { h } from './dom.js';
import { say } from './language.js';

/// Browsers have six connections for a host; two stay busy with events and a camera.
const AT_ONCE = 3;
const waiting = [];
/// Those that wait until the device answers again.
const lost = [];
let running = 0;

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    waiting.push(target);
  }
  work();
}, { rootMargin: '200px' });

/// A picture by its address; its name is said by what is around it.
export function thumb(path) {
  const frame = h('span', { class: 'thumb', 'data-path': path });
  seen.observe(frame);
  return frame;
}

export const stored = (id) => thumb(`v1/samples/${id}/thumbnail`);

/// Before a part of the page goes.
export function letGo(root) {
  for (const frame of root.querySelectorAll('.thumb')) {
    seen.unobserve(frame);
    frame.dataset.gone = 'yes';
    const image = frame.querySelector('img');
    if (image) URL.revokeObjectURL(image.src);
  }
}

function work() {
  while (running < AT_ONCE && waiting.length) {
    const frame = waiting.shift();
    if (frame.dataset.gone) continue;
    running++;
    load(frame).finally(() => {
      running--;
      work();
    });
  }
}

on('back', () => {
  waiting.push(...lost.splice(0));
  work();
});

async function load(frame, tries = 3) {
  try {
    const response = await request(frame.dataset.path, { cache: 'default' });
    const url = URL.createObjectURL(await response.blob());
    if (frame.dataset.gone) return URL.revokeObjectURL(url);
    frame.replaceChildren(h('img', { src: url, alt: '', draggable: 'false', onerror: () => missing(frame) }));
  } catch (failure) {
    if (failure.status === 0) return void lost.push(frame);
    if (failure.status === 404 || tries <= 1) return missing(frame);
    await new Promise((settle) => setTimeout(settle, 1500));
    if (!frame.dataset.gone) await load(frame, tries - 1);
  }
}

function missing(frame) {
  frame.replaceChildren(h('span', { class: 'missing' }, say('no-picture')));
}
