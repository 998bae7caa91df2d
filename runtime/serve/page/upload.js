// Files into the store, one after the other; what failed is named, and what the device cannot take now waits.

import { Failure, pause, sendPicture, unique } from './api.js';
import { emit, on } from './bus.js';
import { fill, h, name, told } from './dom.js';
import { say, tell } from './language.js';
import { refreshClasses } from './store.js';

const AGAIN = 5000;
/// The device is away, too slow or too busy, whatever the file is.
const NOT_NOW = [0, 408, 429, 502, 503, 504];

export class Uploads {
  element = h('div', { id: 'uploads', role: 'status' });
  /// The first is on its way.
  #queue = [];
  #busy = false;
  #wait = new AbortController();

  constructor() {
    on('back', () => this.#wait.abort());
    window.addEventListener('beforeunload', (event) => this.#queue.length && event.preventDefault());
  }

  add(files, label) {
    const batch = { label, total: files.length, stored: 0, known: 0, failed: [], left: files.length, waits: false, line: h('div', { class: 'upload note' }) };
    if (!batch.total) return;
    if (!this.#busy) fill(this.element);
    this.element.append(batch.line);
    for (const file of files) this.#queue.push({ file, batch, key: unique() });
    this.#show(batch);
    this.#work();
  }

  async #work() {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#queue.length) {
      const { file, batch, key } = this.#queue[0];
      this.#wait = new AbortController();
      const failure = await this.#send(file, batch, key).then(() => null, (failure) => failure);
      if (failure && NOT_NOW.includes(failure.status)) {
        if (!batch.waits) this.#show(Object.assign(batch, { waits: true }));
        await pause(failure.after || AGAIN, this.#wait.signal);
        continue;
      }
      if (failure) batch.failed.push([file.name, failure]);
      this.#queue.shift();
      batch.left--;
      batch.waits = false;
      this.#show(batch);
      if (batch.left === 0 || batch.left % 10 === 0) refreshClasses().catch(() => {});
    }
    this.#busy = false;
    emit('taught');
  }

  /// By the key the device knows a file that it took though nobody heard so.
  async #send(file, batch, key) {
    // One that was removed meanwhile looks as if the device were away.
    await file.slice(0, 1).arrayBuffer().catch(() => Promise.reject(new Failure(null, say('upload.unreadable'))));
    const query = { label: batch.label, from: file.name, twins: 'keep' };
    const { outcome, relabelled } = await sendPicture('v1/samples', query, file, { headers: { 'Idempotency-Key': key }, seconds: 60 });
    if (outcome === 'stored' || relabelled) batch.stored++;
    else batch.known++;
  }

  #show({ label, total, stored, known, failed, left, waits, line }) {
    line.dataset.kind = left ? 'said' : failed.length ? 'failed' : 'good';
    const values = { done: total - left + 1, total, n: stored, class: name(label ?? '') };
    const form = `${left ? 'storing' : 'stored'}${label === null ? '-unnamed' : ''}`;
    const words = left || stored || !known ? tell(`upload.${form}`, values) : [];
    if (known) words.push(' ', say('upload.known', { n: known }));
    const list = h('ul', {}, failed.map(([file, failure]) => h('li', {}, name(file), ': ', told(failure))));
    const failures = failed.length ? h('details', { open: failed.length <= 3 }, h('summary', {}, say('upload.failed', { n: failed.length })), list) : null;
    fill(line, waits ? say('upload.waiting', { n: left }) : words, failures);
  }
}
