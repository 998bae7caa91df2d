// Which screen is shown, and when anything runs at all.

import { pause, tokenHolds } from './api.js';
import { on } from './bus.js';
import { correct } from './correct.js';
import { button, fill, h, set, told } from './dom.js';
import { door } from './door.js';
import { say, tell } from './language.js';
import * as live from './live.js';
import { look } from './look.js';
import { source } from './source.js';
import { heads, mayChange, mayLook, refreshClasses, refreshHeads, refreshSession, session } from './store.js';
import { teach } from './teach.js';
import './update.js';

/// Each by the name that its address, its link and its title have.
const screens = { look, teach, correct };
/// Those that are fetched when they are first opened: each with what makes another address of the same file.
const later = {
  trust: (again) => import(`./trust.js${again}`).then(({ trust }) => trust),
  setup: (again) => import(`./setup.js${again}`).then(({ setup }) => setup),
};
const main = document.getElementById('main');
const title = document.getElementById('title');
const foot = document.getElementById('foot');
let current = null;
let open = false;
let code = takeCode();

const names = [...Object.keys(screens), ...Object.keys(later)];
const links = new Map(names.map((name) => [name, h('a', { href: `#${name}`, id: `tab-${name}` }, say(`nav.${name}`))]));

function wanted() {
  const name = location.hash.slice(1);
  return names.includes(name) ? name : 'look';
}

/// A code that came with the address is used once, and nobody finds it there again.
function takeCode() {
  if (!location.hash.startsWith('#pair=')) return null;
  const brought = location.hash.slice('#pair='.length);
  history.replaceState(null, '', location.pathname + location.search);
  return brought;
}

function leave() {
  current?.hide();
  current = null;
}

function turn(focus) {
  const name = wanted();
  if (!screens[name]) return void fetchScreen(name, focus);
  const next = screens[name];
  unfetched.remove();
  if (next === current) return;
  leave();
  for (const [other, link] of links) set(link, 'aria-current', other === name ? 'page' : null);
  document.title = `${say(`nav.${name}`)} – edgetl`;
  title.textContent = say(`nav.${name}`);
  main.dataset.screen = name;
  if (!open) return;
  if (next.usesSource) next.place.append(source.element);
  else source.stop();
  fill(main, next.element);
  if (focus) {
    title.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  if (document.hidden) return;
  run(next);
}

const unfetched = h('p', { class: 'note', role: 'alert', 'data-kind': 'failed' });
let fetches = 0;

/// Where it cannot be had now, what is shown stays.
async function fetchScreen(name, focus) {
  // Some browsers do not ask again for a file that they could not get.
  const again = fetches ? `?${fetches}` : '';
  const screen = await later[name](again).catch(() => null);
  if (!screen) fetches++;
  else screens[name] ??= screen;
  if (wanted() !== name) return;
  if (screen) return turn(focus);
  fill(unfetched, say('page.unfetched'), ' ', button(say('source.again'), () => fetchScreen(name, focus), { class: 'small' }));
  main.prepend(unfetched);
}

function run(screen) {
  current = screen;
  if (screen.usesSource) source.start();
  screen.show();
}

/// While nobody sees the page; a screen has `pause` where `hide` would take away what somebody works on.
function rest() {
  if (current?.pause) current.pause();
  else current?.hide();
  source.pause();
}

function resume() {
  const held = document.activeElement;
  if (current.usesSource) source.start();
  current.show();
  if (held?.isConnected && held !== document.activeElement) held.focus({ preventScroll: true });
}

window.addEventListener('hashchange', () => {
  const brought = takeCode();
  // One that is not used yet outlives a tap on another screen.
  if (brought === null) return turn(true);
  code = brought;
  leave();
  begin();
});
document.addEventListener('visibilitychange', () => {
  if (!open) return;
  if (document.hidden) {
    rest();
    live.stop();
  } else {
    live.start();
    if (current) resume();
    const screen = screens[wanted()];
    if (!screen) turn(false);
    else if (!current) run(screen);
    refreshClasses().catch(() => {});
    refreshHeads().catch(() => {});
  }
});
window.addEventListener('pagehide', () => {
  leave();
  source.stop();
  live.stop();
});
window.addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  leave();
  begin();
});
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  title.focus();
});

on('denied', () => open && shut());
on('heads', footer);
on('session', footer);

function footer() {
  const version = session.version ? `edgetl ${session.version}` : 'edgetl';
  const state = !heads.known ? null : heads.live === null ? say('page.untaught') : say('page.version', { version: String(heads.live) });
  const text = [version, state, say('page.local')].filter(Boolean).join(' · ');
  fill(foot, text);
}

function shut() {
  open = false;
  session.access = 'none';
  footer();
  leave();
  source.stop();
  live.stop();
  door.ask(begin);
  fill(main, door.element);
  document.getElementById('token').focus();
}

async function begin() {
  let refused = null;
  for (let wait = 500; ; wait = Math.min(wait * 2, 5000)) {
    try {
      await refreshSession();
      break;
    } catch (failure) {
      fill(main, h('p', { class: 'note', 'data-kind': 'failed' }, tell('page.again', { problem: told(failure) })));
      await pause(wait);
    }
  }
  if (code !== null && !mayChange()) {
    const brought = code;
    code = null;
    refused = await door.bring(brought);
    if (!refused) return begin();
  }
  code = null;
  if (!mayLook()) return shut();
  tokenHolds();
  door.settle();
  try {
    open = true;
    await Promise.all([refreshClasses(), refreshHeads()]);
  } catch (failure) {
    if (failure.status === 401) return;
    main.prepend(h('p', { class: 'note', role: 'alert', 'data-kind': 'failed' }, told(failure)));
  }
  if (!open) return;
  leave();
  turn(false);
  if (refused) main.prepend(h('p', { class: 'note', role: 'alert', 'data-kind': 'failed', id: 'refused-code' }, told(refused)));
  if (!document.hidden) live.start();
}

// What nobody caught is said as well, lest the page stand still in silence.
for (const kind of ['error', 'unhandledrejection']) {
  window.addEventListener(kind, (event) => {
    const error = event.reason ?? event.error;
    if (error?.name === 'AbortError') return;
    document.getElementById('accident').replaceChildren(say('page.accident', { problem: error?.message ?? event.message }));
    document.getElementById('accident').hidden = false;
  });
}

const nav = document.querySelector('nav');
set(nav, 'aria-label', say('page.screens'));
fill(nav, [...links.values()]);
fill(document.getElementById('skip'), say('page.skip'));
fill(main, h('p', { class: 'quiet' }, say('page.asking')));
footer();
turn(false);
begin();
