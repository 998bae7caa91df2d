// The first file of the page: the language, and then all that speaks it.

import { learn } from './language.js';

learn()
  .then(() => import('./main.js'))
  .catch(() => (document.getElementById('unloaded').hidden = false));
