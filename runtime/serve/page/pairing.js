// Lets this browser in by a code that another one showed.

import { send, useToken } from './api.js';

const SYSTEMS = [['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Android', 'Android'], ['Windows', 'Windows'], ['Macintosh', 'Mac'], ['CrOS', 'Chromebook'], ['Linux', 'Linux']];
const BROWSERS = [['Firefox/', 'Firefox'], ['FxiOS/', 'Firefox'], ['EdgA?/', 'Edge'], ['SamsungBrowser/', 'Samsung'], ['CriOS/', 'Chrome'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']];

/// How the list of phones calls this one.
function ownName() {
  const found = (among) => among.find(([sign]) => new RegExp(sign).test(navigator.userAgent))?.[1];
  return [found(SYSTEMS), found(BROWSERS)].filter(Boolean).join(' · ');
}

/// The token is kept until somebody withdraws it; it fails where the code does not hold.
export async function pair(code) {
  const { token } = await send('v1/pair', { code, name: ownName() });
  useToken(token, true);
}
