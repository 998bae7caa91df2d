// Who must know of what, without knowing each other.

const bus = new EventTarget();

export const emit = (topic, detail) => bus.dispatchEvent(new CustomEvent(topic, { detail }));

export const on = (topic, heard) => bus.addEventListener(topic, (event) => heard(event.detail));
