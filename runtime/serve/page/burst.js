// Pictures of one class, as long as its button is held: one group, one picture at a time.

import { pause, sendPicture, unique } from './api.js';
import { say } from './language.js';
import { source } from './source.js';

const EVERY = 200;
/// A shorter press is a tap, and takes one picture.
const TAP = 350;
/// So long the last picture may take once the button is let go.
const PATIENCE = 15_000;

export class Burst {
  stored = 0;
  alike = 0;
  poor = 0;
  /// Pictures that were due while the device did not answer.
  lost = 0;
  because = null;
  failure = null;
  #held = true;
  #gate = new AbortController();

  /// `changed` after every picture; `done` once the last one is answered.
  constructor(label, changed) {
    this.label = label;
    this.done = this.#take(unique(), changed);
  }

  release() {
    this.#held = false;
    setTimeout(() => this.#gate.abort(), PATIENCE);
  }

  get total() {
    return this.stored + this.alike + this.poor + this.lost;
  }

  async #take(group, changed) {
    const began = Date.now();
    try {
      do {
        const turn = Date.now();
        await this.#one(group);
        changed();
        if (source.single) break;
        const until = Math.max(turn + EVERY, this.total === 1 ? began + TAP : 0);
        while (this.#held && Date.now() < until) await pause(20);
      } while (this.#held);
    } catch (failure) {
      this.failure = failure;
      changed();
    }
    return this;
  }

  async #one(group) {
    const { camera, from, picture } = await source.present();
    const headers = { 'Idempotency-Key': unique() };
    const asked = { camera, from, label: this.label, group, twins: source.single ? 'keep' : 'drop' };
    const ask = () => sendPicture('v1/samples', asked, picture, { headers, seconds: 15, signal: this.#gate.signal });
    const isAway = ({ status, code }) => status === 0 || code === 'busy' || this.#gate.signal.aborted;
    const again = (failure) => (isAway(failure) ? ask() : Promise.reject(failure));
    const answer = await ask().catch(again).catch((failure) => (isAway(failure) ? null : Promise.reject(failure)));
    if (!answer) return void this.lost++;
    if (answer.outcome === 'stored' || (answer.outcome === 'known' && answer.relabelled)) this.stored++;
    else if (answer.outcome === 'poor') this.poor++;
    else this.alike++;
    this.because = answer.outcome === 'poor' ? (answer.because ?? '') : null;
    source.poor(this.because);
  }

  /// `12 stored · 3 too alike · 2 poor`
  get words() {
    const parts = [say('burst.stored', { n: this.stored })];
    if (this.alike) parts.push(say('burst.alike', { n: this.alike }));
    if (this.poor) parts.push(say('burst.poor', { n: this.poor }));
    if (this.lost) parts.push(say('burst.lost', { n: this.lost }));
    return parts.join(' · ');
  }
}
