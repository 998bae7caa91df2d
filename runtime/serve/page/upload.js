// Files into the store, one after the other; what failed is named.

import { sendPicture } from './api.js';
import { emit } from './bus.js';
import { fill, h, name, told } from './dom.js';
import { say, tell } from './language.js';
import { refreshClasses } from './store.js';

export class Uploads {
  element = h('div', { id: 'uploads', role: 'status' });
  #queue = [];
  #busy = false;

  add(files, label) {
    const batch = { label, total: files.length, stored: 0, known: 0, failed: [], left: files.length, line: h('div', { class: 'upload note' }) };
    if (!batch.total) return;
    if (!this.#busy) fill(this.element);
    this.element.append(batch.line);
    for (const file of files) this.#queue.push({ file, batch });
    this.#show(batch);
    this.#work();
  }

  async #work() {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#queue.length) {
      const { file, batch } = this.#queue.shift();
      await this.#send(file, batch);
      batch.left--;
      this.#show(batch);
      if (batch.left === 0 || batch.left % 10 === 0) refreshClasses().catch(() => {});
    }
    this.#busy = false;
    emit('taught');
  }

  async #send(file, batch) {
    try {
      const query = { label: batch.label, from: file.name, twins: 'keep' };
      const { outcome, relabelled } = await sendPicture('v1/samples', query, file, { seconds: 60 });
      if (outcome === 'stored' || relabelled) batch.stored++;
      else batch.known++;
    } catch (failure) {
      batch.failed.push([file.name, failure]);
    }
  }

  #show({ label, total, stored, known, failed, left, line }) {
    line.dataset.kind = left ? 'said' : failed.length ? 'failed' : 'good';
    const values = { done: total - left + 1, total, n: stored, class: name(label ?? '') };
    const form = `${left ? 'storing' : 'stored'}${label === null ? '-unnamed' : ''}`;
    const words = left || stored || !known ? tell(`upload.${form}`, values) : [];
    if (known) words.push(' ', say('upload.known', { n: known }));
    const list = h('ul', {}, failed.map(([file, failure]) => h('li', {}, name(file), ': ', told(failure))));
    const failures = failed.length ? h('details', { open: failed.length <= 3 }, h('summary', {}, say('upload.failed', { n: failed.length })), list) : null;
    fill(line, words, failures);
  }
}
