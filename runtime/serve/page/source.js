// Where pictures come from: a camera of the device, the browser's camera, or a file. One for Look and Teach.

import { get, getPicture, pause } from './api.js';
import { emit, on } from './bus.js';
import { button, fill, h, Note, offer, set } from './dom.js';
import { known, say, tell } from './language.js';
import { sayIn, staleWords, waitingWords, whereWords } from './source-words.js';
import { pictures } from './stream.js';
import { asItComes, poverty } from './words.js';

const PLACE = 'edgetl-source';
const LONGEST_SIDE = 1280;
const canStream = Boolean(navigator.mediaDevices?.getUserMedia);

const canvas = h('canvas', { role: 'img' });
const video = h('video', { muted: true, playsinline: true, autoplay: true, 'aria-label': say('source.browser-picture') });
const image = h('img', { id: 'file-picture', alt: say('source.file-picture') });
const still = h('img', { class: 'over', id: 'still', alt: say('source.held-picture'), hidden: true });
const overlay = h('img', { class: 'over', id: 'overlay', alt: say('source.overlay'), hidden: true });
const view = h('div', { class: 'view' }, canvas, video, image, still, overlay);
const badge = h('p', { class: 'badge', id: 'quality', role: 'status', hidden: true });
const empty = h('div', { class: 'stage-empty' });
const note = new Note({ id: 'source-note' });
const chooser = h('select', { id: 'source', onchange: () => source.choose(chooser.value) });
const fileInput = h('input', { type: 'file', accept: 'image/*', id: 'source-file', class: 'reach', onchange: () => source.take(fileInput.files[0]) });
const fileText = h('span', {}, say('source.choose'));
const fileButton = h('label', { class: 'button' }, fileText, fileInput);

class Source {
  kind = null;
  camera = null;
  cameras = [];
  /// Grows with every file, so that whoever asked about one knows whether it is another.
  stamp = 0;
  stage = h('div', { class: 'stage', id: 'stage' }, view, empty, badge);
  element = h(
    'section',
    { class: 'source', 'aria-label': say('source.picture') },
    h('div', { class: 'source-bar' }, h('label', { class: 'field inline' }, h('span', {}, say('source.from')), chooser), fileButton),
    this.stage,
    note.element,
  );
  #gate = null;
  #latest = null;
  #drawing = false;
  #at = 0;
  #file = null;
  #held = null;
  #poor = null;

  /// Begins to show; does nothing where it does already.
  start() {
    if (this.#gate) return;
    this.#gate = new AbortController();
    this.#follow(this.#gate.signal);
    if (this.kind) this.#run();
    this.#show();
  }

  stop() {
    this.pause();
    this.thaw();
  }

  /// What is held stays.
  pause() {
    this.#gate?.abort();
    this.#gate = null;
    this.#at = 0;
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  }

  choose(value) {
    sessionStorage.setItem(PLACE, value);
    const started = this.#gate !== null;
    this.stop();
    this.#set(value);
    note.clear();
    this.poor(null);
    emit('source');
    if (started) this.start();
    if (this.kind === 'file' && !this.#file) fileButton.scrollIntoView({ block: 'nearest' });
  }

  #set(value) {
    this.kind = value.startsWith('camera:') ? 'camera' : value;
    this.camera = this.kind === 'camera' ? value.slice(7) : null;
    this.#latest = null;
    const photo = this.kind === 'photo';
    fileText.textContent = say(photo ? 'source.take' : 'source.choose');
    set(fileInput, 'capture', photo ? 'environment' : null);
    this.#options();
  }

  /// A file from the chooser or dropped.
  take(file) {
    if (!file) return;
    if (this.kind !== 'file' && this.kind !== 'photo') this.choose('file');
    this.#file = file;
    this.stamp++;
    this.thaw();
    note.clear();
    if (image.src) URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(file);
    this.#show();
    emit('source');
  }

  /// Whether there is a picture to ask about.
  get ready() {
    if (!this.#gate) return false;
    if (this.kind === 'camera') return true;
    if (this.kind === 'browser') return video.readyState >= 2 && video.videoWidth > 0;
    return this.#file !== null;
  }

  get single() {
    return this.kind === 'file' || this.kind === 'photo';
  }

  /// What to send for the present picture: the name of a camera of the device, or bytes and where they are from.
  async present() {
    if (this.kind === 'camera') return { camera: this.camera, from: null, picture: null };
    return this.picture();
  }

  /// The very picture that is seen, as bytes where there are some.
  async picture() {
    if (this.#held) return this.#held;
    if (this.kind === 'camera') {
      if (!this.#latest) return this.present();
      return { camera: null, from: this.camera, picture: this.#latest };
    }
    if (this.kind === 'browser') return { camera: null, from: 'browser camera', picture: await this.#grab() };
    return { camera: null, from: this.#file.name, picture: this.#file };
  }

  async #grab() {
    const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
    const paper = document.createElement('canvas');
    paper.width = Math.round(video.videoWidth * scale);
    paper.height = Math.round(video.videoHeight * scale);
    paper.getContext('2d').drawImage(video, 0, 0, paper.width, paper.height);
    return new Promise((settle) => paper.toBlob(settle, 'image/jpeg', 0.92));
  }

  /// Holds the picture that is seen, until `thaw`.
  async freeze() {
    if (this.#held) return this.#held;
    const held = await this.picture();
    this.#held = held;
    if (held.picture && !this.single) {
      still.src = URL.createObjectURL(held.picture);
      still.hidden = false;
    }
    this.stage.dataset.frozen = 'yes';
    return held;
  }

  thaw() {
    this.#held = null;
    this.cover(null);
    if (still.src) URL.revokeObjectURL(still.src);
    still.removeAttribute('src');
    still.hidden = true;
    delete this.stage.dataset.frozen;
  }

  get frozen() {
    return this.#held !== null;
  }

  /// Lays a picture over the one that is held.
  cover(blob) {
    if (overlay.src) URL.revokeObjectURL(overlay.src);
    overlay.removeAttribute('src');
    overlay.hidden = !blob;
    if (blob) overlay.src = URL.createObjectURL(blob);
  }

  set opacity(share) {
    overlay.style.opacity = share;
  }

  /// Why the last picture was not good enough; null where it was.
  poor(because) {
    this.#poor = because;
    this.#badge();
  }

  #run() {
    const { signal } = this.#gate;
    if (this.kind === 'camera') this.#watch(this.camera, signal);
    if (this.kind === 'browser') this.#open(signal);
  }

  async #watch(camera, signal) {
    const path = `v1/cameras/${encodeURIComponent(camera)}`;
    let wait = 500;
    while (!signal.aborted) {
      try {
        for await (const blob of pictures(`${path}/stream`, { fps: 10 }, signal)) {
          wait = 500;
          if (!signal.aborted) this.#draw(blob);
        }
      } catch (failure) {
        if (failure.status === 503) await this.#step(path, signal);
        else this.#failed(failure, signal);
      }
      await pause(wait, signal);
      wait = Math.min(wait * 2, 8000);
    }
  }

  /// Where the stream has too many viewers: a picture a second, for ten seconds.
  async #step(path, signal) {
    try {
      for (let turn = 0; turn < 10 && !signal.aborted; turn++) {
        this.#draw(await getPicture(`${path}/picture`, signal));
        await pause(1000, signal);
      }
    } catch (failure) {
      this.#failed(failure, signal);
    }
  }

  #failed(failure, signal) {
    if (!signal.aborted && failure.status && failure.code !== 'camera-off') note.fail(failure);
  }

  async #draw(blob) {
    this.#latest = blob;
    this.#at = Date.now();
    note.recovered();
    if (this.#drawing) return;
    this.#drawing = true;
    let drawn = null;
    try {
      while (drawn !== this.#latest && this.#latest) {
        drawn = this.#latest;
        const bitmap = await createImageBitmap(drawn);
        if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
          canvas.width = bitmap.width;
          canvas.height = bitmap.height;
          this.#ratio(bitmap.width, bitmap.height);
        }
        canvas.getContext('2d').drawImage(bitmap, 0, 0);
        bitmap.close();
      }
    } catch {
      note.fail(say('source.unshown'));
    } finally {
      this.#drawing = false;
    }
    if (this.stage.dataset.shows !== 'canvas') this.#show();
  }

  async #open(signal) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: 'environment', width: { ideal: 1280 }, height: { ideal: 720 } },
        audio: false,
      });
      if (signal.aborted) return stream.getTracks().forEach((track) => track.stop());
      stream.getVideoTracks()[0].onended = () => this.#refused(say('source.gone'));
      video.muted = true;
      video.srcObject = stream;
      await video.play();
      this.#show();
    } catch (error) {
      if (signal.aborted) return;
      const key = `refused.${error.name}`;
      this.#refused(known(key) ? say(key) : tell('refused.other', { problem: asItComes(error.message) }));
    }
  }

  #refused(words) {
    video.srcObject = null;
    this.#show();
    note.fail(words);
    note.element.append(' ', button(say('source.again'), () => this.choose('browser')));
  }

  #ratio(width, height) {
    if (width && height) view.style.setProperty('--ratio', width / height);
  }

  /// The list of cameras and their state, as long as pictures are shown.
  async #follow(signal) {
    let next = 0;
    while (!signal.aborted) {
      if (Date.now() >= next) {
        next = Date.now() + 5000;
        try {
          this.cameras = await get('v1/cameras', null, { signal });
          if (!signal.aborted) this.#listed();
        } catch {
          // The banner says it.
        }
      }
      this.#badge();
      await pause(1000, signal);
    }
  }

  #listed() {
    if (this.kind) return this.#options();
    const kept = sessionStorage.getItem(PLACE);
    const usable = kept && (canStream || kept !== 'browser');
    const first = this.cameras.find(({ state }) => state === 'live') ?? this.cameras[0];
    if (usable) this.#set(kept);
    else if (first) this.#set(`camera:${first.camera}`);
    if (this.kind) {
      this.#run();
      emit('source');
    }
    this.#options();
    this.#show();
  }

  #options() {
    const options = this.cameras.map(({ camera }) => [`camera:${camera}`, say('source.camera', { camera })]);
    if (this.kind === 'camera' && !this.cameras.some(({ camera }) => camera === this.camera)) {
      options.push([`camera:${this.camera}`, say('source.camera-gone', { camera: this.camera })]);
    }
    if (canStream) options.push(['browser', say('source.browser')]);
    else options.push(['photo', say('source.photo')]);
    options.push(['file', say('source.file')]);
    const value = this.kind === 'camera' ? `camera:${this.camera}` : (this.kind ?? '');
    if (!this.kind) options.unshift(['', say('source.please')]);
    offer(chooser, options);
    chooser.value = value;
  }

  #show() {
    fileButton.hidden = !this.single;
    fileButton.classList.toggle('primary', !this.#file);
    const shows = this.#shown();
    this.stage.dataset.shows = shows;
    canvas.hidden = shows !== 'canvas';
    video.hidden = shows !== 'video';
    image.hidden = shows !== 'image';
    view.hidden = shows === 'nothing';
    empty.hidden = !view.hidden;
    set(canvas, 'aria-label', say('source.live', { camera: this.camera }));
    fill(empty, empty.hidden ? [] : this.#emptyWords());
    this.#badge();
  }

  #shown() {
    if (this.kind === 'camera' && this.#latest) return 'canvas';
    if (this.kind === 'browser' && (video.srcObject || this.frozen)) return 'video';
    if (this.single && this.#file) return 'image';
    return 'nothing';
  }

  #emptyWords() {
    if (this.kind === 'camera') return h('p', {}, waitingWords(this.camera, this.#listing));
    const key = { browser: 'source.waiting-browser', photo: 'source.why-photo', file: 'source.drop' }[this.kind];
    if (key) return h('p', {}, say(key));
    return whereWords((kind) => this.choose(kind), canStream);
  }

  /// One thing that is wrong with the picture, the gravest first.
  #badge() {
    const waits = this.kind === 'camera' && !empty.hidden;
    if (waits) sayIn(empty, [this.#emptyWords()]);
    const parts = (waits ? null : this.#stale()) ?? (this.#poor ? [say('source.poor', { because: poverty(this.#poor) })] : []);
    sayIn(badge, parts);
    badge.hidden = !parts.length;
  }

  get #listing() {
    return this.cameras.find(({ camera }) => camera === this.camera);
  }

  #stale() {
    if (this.kind !== 'camera' || !this.#gate || this.frozen) return null;
    return staleWords(this.#listing, this.#at);
  }
}

export const source = new Source();

video.addEventListener('loadedmetadata', () => view.style.setProperty('--ratio', video.videoWidth / video.videoHeight || 4 / 3));
image.addEventListener('load', () => view.style.setProperty('--ratio', image.naturalWidth / image.naturalHeight || 4 / 3));
image.addEventListener('error', () => note.fail(say('source.unreadable')));
for (const kind of ['dragover', 'drop']) {
  source.stage.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.stopPropagation();
    if (kind === 'drop') source.take(event.dataTransfer.files[0]);
  });
}
on('back', () => note.recovered());
