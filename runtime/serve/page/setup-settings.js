// Set up: what the settings file says. It is changed there and nowhere else.

import { get } from './api.js';
import { fill, h, Note } from './dom.js';
import { list as joined, number, say } from './language.js';

const place = h('div', { id: 'setup-settings' });
const lead = h('p', { class: 'quiet', id: 'settings-lead' });
const note = new Note();
const all = h('input', { type: 'checkbox', id: 'settings-all', onchange: () => draw() });
let shown = null;

export const settings = {
  element: h(
    'section',
    { class: 'card', 'aria-labelledby': 'settings-title' },
    h('h2', { id: 'settings-title' }, say('setup.settings')),
    lead,
    h('label', { class: 'check' }, all, ' ', say('setup.settings-all')),
    place,
    note.element,
  ),
  show() {
    get('v1/settings').then((settings) => {
      note.recovered();
      shown = settings;
      draw();
    }, (failure) => failure.status && note.fail(failure));
  },
  pause() {},
  hide() {},
};

function draw() {
  if (!shown) return;
  lead.textContent = shown.file ? say('setup.settings-lead', { file: shown.file }) : say('setup.settings-none');
  const rows = shown.sections.flatMap(({ name, settings: every }) => {
    const some = every.filter(({ is_default: isDefault }) => all.checked || !isDefault);
    return some.length ? [h('tr', { class: 'section' }, h('th', { colspan: '2', scope: 'colgroup' }, name ? `[${name}]` : say('setup.settings-top'))), ...some.map(row)] : [];
  });
  if (!rows.length) return fill(place, h('p', { class: 'quiet' }, say('setup.settings-usual')));
  fill(place, h('table', { class: 'settings' }, h('thead', { class: 'reach' }, h('tr', {}, h('th', { scope: 'col' }, say('setup.setting')), h('th', { scope: 'col' }, say('setup.value')))), h('tbody', {}, rows)));
}

function row({ name, value, is_default: isDefault }) {
  return h('tr', { class: isDefault ? 'quiet' : '' }, h('th', { scope: 'row' }, name), h('td', {}, h('bdi', {}, worded(value)), isDefault ? h('span', { class: 'reach' }, ` (${say('setup.default')})`) : null));
}

function worded(value) {
  if (value === null || value === '' || (Array.isArray(value) && !value.length)) return '–';
  if (value === true) return say('setup.yes');
  if (value === false) return say('setup.no');
  if (typeof value === 'number') return number(value, { maximumFractionDigits: 6, useGrouping: false });
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string') ? joined(value).join('') : JSON.stringify(value);
  return String(value);
}
