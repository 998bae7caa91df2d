// What several screens show: the session, the classes, the heads.

import { get } from './api.js';
import { emit } from './bus.js';

const ORDER = 'edgetl-classes';

export const session = { access: 'none', version: '', page: null };
export const mayLook = () => session.access !== 'none';
/// Whether the program that answers has another page than this one.
export const isOld = () => session.page !== null && session.page !== document.querySelector('meta[name=edgetl-page]').content;
export const mayChange = () => session.access === 'open' || session.access === 'write';

export const classes = { known: false, labels: [], unlabelled: 0, waiting: null };
export const heads = { known: false, live: null, heads: [] };

/// Names in the order in which this page met them, so that keys 1 to 9 stay where they are: names without a picture yet among them,
/// and, until the page is loaded again, names that are gone.
let order = JSON.parse(sessionStorage.getItem(ORDER) ?? '[]');
let fresh = new Set();

export async function refreshSession() {
  const before = JSON.stringify(session);
  Object.assign(session, await get('v1/session'));
  // What is drawn anew loses the focus of a keyboard.
  if (JSON.stringify(session) !== before) emit('session');
}

export const refreshClasses = gathered(async () => {
  const first = !classes.known;
  Object.assign(classes, await get('v1/labels'), { known: true });
  const there = new Set(classes.labels.map(({ label }) => label));
  fresh = new Set([...fresh].filter((label) => !there.has(label)));
  if (first) order = order.filter((label) => there.has(label) || fresh.has(label));
  for (const label of there) if (!order.includes(label)) order.push(label);
  keepOrder();
  emit('classes');
});

export const refreshHeads = gathered(async () => {
  Object.assign(heads, await get('v1/heads'), { known: true });
  emit('heads');
});

/// A class that has no picture yet.
export function addClass(label) {
  if (listed().some((entry) => entry.label === label)) return;
  fresh.add(label);
  if (!order.includes(label)) order.push(label);
  keepOrder();
  emit('classes');
}

/// The new name of a class gets the key of the old one.
export function renamed(from, to) {
  if (!order.includes(to)) order = order.map((label) => (label === from ? to : label));
  keepOrder();
}

export function dropFresh(label) {
  fresh.delete(label);
  if (order.at(-1) === label) order.pop();
  keepOrder();
  emit('classes');
}

/// All classes, each with the key that stands for it, if any.
export function listed() {
  const known = new Map(classes.labels.map((entry) => [entry.label, entry]));
  const entries = order.map((label, place) => ({
    label,
    key: place < 9 ? String(place + 1) : null,
    fresh: fresh.has(label),
    ...(known.get(label) ?? { pictures: 0, in_head: false, needs: null }),
  }));
  return entries.filter(({ label }) => known.has(label) || fresh.has(label));
}

export const byKey = (key) => listed().find((entry) => entry.key === key)?.label ?? null;

function keepOrder() {
  sessionStorage.setItem(ORDER, JSON.stringify(order.filter((label) => !fresh.has(label))));
}

/// One at a time; what is asked for meanwhile is done once more after it.
export function gathered(act) {
  let running = null;
  let again = false;
  return function run() {
    if (running) {
      again = true;
      return running;
    }
    running = (async () => {
      try {
        do {
          again = false;
          await act();
        } while (again);
      } finally {
        running = null;
      }
    })();
    return running;
  };
}
