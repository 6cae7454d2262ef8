"use strict";
// The page's one global: its data, small helpers for elements, and decoding of embedded arrays.
const gatewise = { data: JSON.parse(document.getElementById("gatewise-data").textContent) };
{
  const KINDS = { u1: Uint8Array, f4: Float32Array, f8: Float64Array };
  const ended = new Promise((done) => {
    if (document.readyState !== "loading") done();
    else addEventListener("DOMContentLoaded", done, { once: true });
  });

  gatewise.byId = (id) => document.getElementById(id);

  // element("div", {class: "plot", tabindex: 0}, "text", child, ...)
  gatewise.element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value === true) made.setAttribute(key, "");
      else if (value !== false && value != null) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };

  function bytesOf(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const raw = atob(text);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return bytes;
  }

  // Arrays packed inside the JSON, without compression.
  gatewise.decode = (packed) => new KINDS[packed.kind](bytesOf(packed.data).buffer);

  // Arrays in elements of their own: base64 of gzip. Those for later stand after this script.
  const waiting = new Map();
  gatewise.inflate = (name, kind) => {
    if (!waiting.has(name)) waiting.set(name, unpack(name, kind));
    return waiting.get(name);
  };
  async function unpack(name, kind) {
    // An element after this script may be there with a part of its text while the page still loads.
    if (name.startsWith("l")) await ended;
    const holder = document.getElementById(`gatewise-${name}`);
    const array = new KINDS[kind](await gunzip(bytesOf(holder.textContent)));
    holder.remove(); // its text is not needed any more
    return array;
  }

  // Without Blob and Response, whose way through another process takes three times as long.
  async function gunzip(bytes) {
    const stream = new ReadableStream({ start: (to) => { to.enqueue(bytes); to.close(); } });
    const reader = stream.pipeThrough(new DecompressionStream("gzip")).getReader();
    // A gzip file ends with the size of what is in it.
    const size = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
    const whole = new Uint8Array(size);
    let at = 0;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      whole.set(part.value, at);
      at += part.value.length;
    }
    return whole.buffer;
  }

  gatewise.clamp = (value, low, high) => Math.max(low, Math.min(high, value));
}
