"use strict";
// Shared by the charts and the heatmaps: the data, decoding, colours of the current scheme, times.
const gatewise = (() => {
  const data = JSON.parse(document.getElementById("gatewise-data").textContent);
  const kinds = { u1: Uint8Array, f4: Float32Array, f8: Float64Array };

  function decode(packed) {
    const text = atob(packed.data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return new kinds[packed.kind](bytes.buffer);
  }

  const byId = (id) => document.getElementById(id);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const two = (n) => String(n).padStart(2, "0");

  // Every time is shown as it was given: naive timestamps count as UTC on the way in and out.
  function timeText(value, calendar) {
    if (value == null) return "–";
    if (!calendar) return String(Math.round(value));
    const t = new Date(value * 1000);
    const day = `${t.getUTCFullYear()}-${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())}`;
    const clock = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
    return clock === "00:00" ? day : `${day} ${clock}`;
  }

  function tickText(value, increment) {
    const t = new Date(value * 1000);
    const year = t.getUTCFullYear(), month = months[t.getUTCMonth()], day = t.getUTCDate();
    if (increment >= 360 * 86400) return String(year);
    if (increment >= 28 * 86400) return t.getUTCMonth() === 0 ? String(year) : month;
    if (increment >= 86400) return `${day} ${month}`;
    const clock = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
    return clock === "00:00" ? `${day} ${month}` : clock;
  }

  function number(value) {
    if (value == null || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e7 || size < 1e-4)) return value.toExponential(2);
    return value.toLocaleString("en", { maximumSignificantDigits: 4 });
  }

  // Redraw everything when the colour scheme or the width changes.
  const drawers = [];
  function onChange(draw) {
    drawers.push(draw);
    draw();
  }
  const redraw = () => drawers.forEach((draw) => draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let width = document.body.clientWidth, waiting = 0;
  addEventListener("resize", () => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(redraw);
  });

  return { data, decode, byId, colour, timeText, tickText, number, onChange };
})();
