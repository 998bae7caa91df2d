// Set up: cameras, phones, who is told, the network, backups, and what only the settings file says.

import { on } from './bus.js';
import { h } from './dom.js';
import { say } from './language.js';
import { phones } from './phones.js';
import { backbones } from './setup-backbones.js';
import { backup } from './setup-backup.js';
import { cameras } from './setup-cameras.js';
import { settings } from './setup-settings.js';
import { told } from './setup-told.js';
import { mayChange, session } from './store.js';

const parts = [cameras, phones, told, backbones, backup, settings];
const notice = h('p', { class: 'note', hidden: true });
let shown = false;

document.head.append(h('link', { rel: 'stylesheet', href: 'page/setup.css' }));

export const setup = {
  usesSource: false,
  element: h('div', { class: 'stack', id: 'setup' }, notice, parts.map((part) => part.element)),
  show() {
    shown = true;
    look();
    parts.forEach((part) => part.show());
  },
  pause() {
    shown = false;
    parts.forEach((part) => part.pause());
  },
  hide() {
    shown = false;
    parts.forEach((part) => part.hide());
  },
};

on('session', look);
// What was not answered, or not heard, is asked again.
for (const topic of ['back', 'missed']) on(topic, () => shown && (setup.pause(), setup.show()));

function look() {
  notice.hidden = mayChange();
  notice.textContent = session.access === 'read' ? say('setup.read-only') : '';
}
