// Trust, fourth part: whether cameras still show what was taught.

import { get } from './api.js';
import { bar, fill, h, name, Note } from './dom.js';
import { percent, say, tell, when } from './language.js';
import { ofCode } from './words.js';

const KINDS = ['distance', 'unknown', 'mix'];
const note = new Note();
const place = h('div', { class: 'stack', id: 'trust-drift' });

export const drift = {
  element: h('section', { class: 'card', 'aria-labelledby': 'trust-drift-title' }, h('h2', { id: 'trust-drift-title' }, say('trust.drift.title')), note.element, place),
  async show() {
    try {
      const { watched, cameras } = await get('v1/drift');
      note.clear();
      fill(place, watched ? cameras.map(camera) : h('p', {}, say('trust.drift.off')));
    } catch (failure) {
      note.fail(failure);
    }
  },
};

function camera({ camera: called, head_version: version, looks, evidence, told, because, code }) {
  const parts = [];
  const warned = told.some(({ kind }) => kind !== 'mix');
  if (because) parts.push(h('p', {}, say('trust.drift.because'), ' ', ofCode('unwatched', code, because)));
  else if (!looks) parts.push(h('p', {}, say('trust.drift.unlooked')));
  else if (!warned) parts.push(h('p', {}, say('trust.drift.usual', { n: looks, version: String(version) })));
  parts.push(...told.map((event) => h('p', { class: event.kind === 'mix' ? '' : 'note warned' }, happened(event))));
  if (warned) parts.push(h('p', {}, say('trust.drift.advice')));
  if (!because && looks) parts.push(h('ul', { class: 'evidence' }, KINDS.filter((kind) => kind in evidence).map((kind) => speaks(kind, evidence[kind]))), h('p', { class: 'quiet' }, say('trust.drift.bound')));
  return h('div', { 'data-camera': called, 'data-warned': warned ? 'yes' : 'no' }, h('h3', {}, name(called)), parts);
}

function speaks(kind, part) {
  const at = Math.max(0, Math.min(1, part));
  return h('li', {}, h('span', {}, say(`trust.drift.kind.${kind}`)), bar(at), h('span', { class: 'number' }, percent(at)));
}

function happened({ kind, share, expected, of, label, since }) {
  const values = { share: percent(share), expected: percent(expected), n: of, label: label ? name(label) : say('trust.drift.one') };
  return [...tell(`trust.drift.told.${kind}`, values), since ? ` ${say('trust.drift.since', { when: when(since) })}` : ''];
}
