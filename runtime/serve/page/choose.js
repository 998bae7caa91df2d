// Which version answers.

import { get, send } from './api.js';
import { emit, on } from './bus.js';
import { heads, refreshClasses, refreshHeads } from './store.js';

const SETTLED = 'edgetl-later';

/// Tells one fit from another.
export const key = (last) => (last ? `${last.at} ${last.outcome} ${last.head}` : '');

/// What somebody decided about is not offered again as if it were new.
export const settle = (last) => sessionStorage.setItem(SETTLED, key(last));
export const isSettled = (last) => sessionStorage.getItem(SETTLED) === key(last);

/// What a note says is so as long as this version is in use, and it goes with it.
export function holdsFor(version, note) {
  claims.set(note, version);
}

const claims = new Map();
on('heads', () => {
  for (const [note, version] of claims) {
    if (heads.live === version) continue;
    claims.delete(note);
    if (note.element.dataset.kind === 'good') note.clear();
  }
});

/// All screens see that another version answers.
export async function everywhere() {
  await Promise.all([refreshHeads(), refreshClasses()]).catch(() => {});
  emit('fitted');
}

async function chosen(path) {
  const { live } = await send(path);
  await everywhere();
  return live;
}

/// The version that answers then.
export async function useVersion(version) {
  const live = await chosen(`v1/heads/${version}/activate`);
  const { last } = await get('v1/fit').catch(() => ({}));
  if (last?.head === version) settle(last);
  return live;
}

export const goBack = () => chosen('v1/heads/rollback');
