// A thing that is dragged to one side or the other.

/// A drag counts from this share of the width, or from so many pixels if that is less.
const SHARE = 0.35;
const FAR = 120;
/// Less than that is a press with an unsteady finger.
const START = 8;

const calm = matchMedia('(prefers-reduced-motion: reduce)');

/// `element` follows the finger; `feels(side, part)` meanwhile, `side` -1 for left or 1 for right and `part` of the way; `done(side)`
/// where it went far enough. `may(side)` says whether there is anything on that side.
export function swipes(element, { feels, done, may }) {
  let from = null;
  const far = () => Math.min(FAR, element.offsetWidth * SHARE);
  const back = () => {
    from = null;
    element.style.transform = '';
    element.dataset.dragged = 'no';
    feels(0, 0);
  };
  element.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    from = event.clientX;
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener('pointermove', (event) => {
    if (from === null || !event.isPrimary) return;
    const way = event.clientX - from;
    const side = Math.sign(way);
    if (Math.abs(way) < START) return;
    // Towards a side with nothing on it, it only gives a little.
    const shown = may(side) ? way : way / 6;
    element.dataset.dragged = 'yes';
    element.style.transform = calm.matches ? `translateX(${shown}px)` : `translateX(${shown}px) rotate(${shown / 40}deg)`;
    feels(side, may(side) ? Math.min(1, Math.abs(way) / far()) : 0);
  });
  element.addEventListener('pointerup', (event) => {
    if (from === null || !event.isPrimary) return;
    const way = event.clientX - from;
    const side = Math.sign(way);
    const counts = Math.abs(way) >= far() && may(side);
    back();
    if (!counts) return;
    // The next one is in its place at once; only what did not count slides back.
    element.dataset.dragged = 'yes';
    element.getBoundingClientRect();
    element.dataset.dragged = 'no';
    done(side);
  });
  for (const kind of ['pointercancel', 'lostpointercapture']) element.addEventListener(kind, () => from !== null && back());
}
