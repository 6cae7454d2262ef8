// Panels that share the time axis: one crosshair, one brush, one set of keys for all of them.
{
  const { element, state, select, steps, clamp, data } = gatewise;
  const panels = new Set();
  const cursor = { step: null, row: 0 };
  gatewise.cursor = cursor;
  const CLICK = 5; // pixels: a shorter drag is a click

  const share = (step) => (step - state.from) / (state.to - state.from);
  const percent = (part) => `${clamp(part, 0, 1) * 100}%`;

  function line(host, kind, step) {
    const part = share(step + 0.5);
    host.style.display = step == null || part < 0 || part > 1 ? "none" : "block";
    host.style.left = percent(part);
    host.className = `line ${kind}`;
  }

  // Crosshair, chosen step and marks of every panel.
  function overlay() {
    for (const panel of panels) {
      line(panel.cross, "cross", cursor.step);
      line(panel.chosen, "chosen", state.at);
      panel.marks.forEach((mark, i) => line(mark, "now", data.marks[i].at - 0.5));
      panel.follow?.();
    }
  }
  gatewise.overlay = overlay;

  function brush(a, b) {
    for (const panel of panels) {
      const [low, high] = [Math.min(a, b), Math.max(a, b)].map((step) => clamp(share(step), 0, 1));
      panel.brush.style.display = a == null ? "none" : "block";
      panel.brush.style.left = `${low * 100}%`;
      panel.brush.style.width = `${(high - low) * 100}%`;
    }
  }

  // A panel in `host`: {plot, canvas}; `spec` has label, height, rows() and pick(step, row, add).
  gatewise.panel = (host, spec) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const [cross, chosen, band] = ["div", "div", "div"].map((name) => element(name));
    band.className = "brush";
    const marks = (data.marks || []).map(({ text }) => element("div", { title: text }));
    const plot = element("div", {
      class: "plot", tabindex: "0", role: "application",
      "aria-roledescription": "time panel", "aria-label": spec.label, "aria-describedby": "keys",
    }, canvas, ...marks, chosen, cross, band);
    plot.style.height = `${spec.height}px`;
    const gutter = element("div", { class: "gutter", "aria-hidden": "true" });
    const caption = element("figcaption");
    const figure = element("figure", { class: `panel ${spec.kind || ""}` }, caption, element("div", { class: "body" }, gutter, plot));
    host.append(figure);
    const made = { ...spec, figure, caption, gutter, plot, canvas, cross, chosen, brush: band, marks };
    panels.add(made);
    listen(made);
    sight.observe(plot);
    plot.panel = made;
    return made;
  };
  gatewise.removePanels = (host, gone) => {
    gone.forEach((panel) => {
      panels.delete(panel);
      stale.delete(panel);
      sight.unobserve(panel.plot);
    });
    host.replaceChildren();
  };

  // What is on the screen is drawn at once, the rest when the range has rested or when it is scrolled to.
  const REST = 60; // ms
  const stale = new Map(); // panel to what draws it
  let resting = 0;
  gatewise.paint = (panel, draw) => {
    if (panel.away) {
      stale.set(panel, draw);
      clearTimeout(resting);
      resting = setTimeout(catchUp, REST);
    } else {
      stale.delete(panel);
      draw();
    }
  };
  function drawStale(panel) {
    const draw = stale.get(panel);
    stale.delete(panel);
    draw?.();
  }
  function catchUp() { // one at a time, so that a hand on the mouse does not wait for all
    if (!stale.size) return;
    drawStale(stale.keys().next().value);
    resting = setTimeout(catchUp);
  }
  gatewise.upToDate = () => !stale.size;
  const sight = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => {
    target.panel.away = !isIntersecting;
    if (isIntersecting) drawStale(target.panel);
  }), { rootMargin: "100px" });
  addEventListener("beforeprint", () => [...stale.keys()].forEach(drawStale));

  // All plots are equally wide. Asked once, for a question after each change costs a layout.
  let plotWidth = 0;
  gatewise.plotWidth = () => {
    if (!plotWidth) plotWidth = [...panels].find((panel) => panel.plot.clientWidth)?.plot.clientWidth || 0;
    return Math.max(1, plotWidth);
  };
  gatewise.watchWidth = (host, redraw) => {
    new ResizeObserver(() => {
      const before = plotWidth;
      plotWidth = 0;
      if (gatewise.plotWidth() !== before) redraw();
    }).observe(host);
  };

  // The canvas in device pixels and its context; `rows` draws one pixel per row, stretched.
  gatewise.surface = (panel, rows = null) => {
    const ratio = Math.min(3, devicePixelRatio || 1);
    const width = gatewise.plotWidth(), { canvas, height } = panel;
    const size = [Math.round(width * ratio), rows ?? Math.round(height * ratio)];
    const context = canvas.getContext("2d");
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    else context.reset();
    if (rows == null) context.scale(ratio, ratio);
    return { context, width, height };
  };

  function place(panel, event) {
    const box = panel.plot.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    const exact = state.from + clamp(part, 0, 1) * (state.to - state.from);
    const rows = panel.rows ? panel.rows() : 0;
    const row = clamp(Math.floor(((event.clientY - box.top) / box.height) * rows), 0, Math.max(0, rows - 1));
    return { exact, step: clamp(Math.floor(exact), 0, steps - 1), row, x: event.clientX };
  }

  function point(panel, at) {
    cursor.step = at.step;
    if (panel.rows) cursor.row = at.row;
    overlay();
    gatewise.read();
  }

  function listen(panel) {
    const { plot } = panel;
    let start = null;
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      start = place(panel, event);
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointermove", (event) => {
      const at = place(panel, event);
      point(panel, at);
      if (start && Math.abs(at.x - start.x) >= CLICK) brush(start.exact, at.exact);
    });
    plot.addEventListener("pointerup", (event) => {
      if (!start) return;
      const from = start, at = place(panel, event);
      start = null;
      brush(null);
      point(panel, at);
      if (Math.abs(at.x - from.x) < CLICK) {
        pick(panel, at.step, at.row, event.shiftKey || event.ctrlKey || event.metaKey);
      } else {
        const [low, high] = [from.exact, at.exact].sort((a, b) => a - b);
        select({ from: Math.floor(low), to: Math.ceil(high) });
      }
    });
    plot.addEventListener("pointercancel", () => { start = null; brush(null); });
    plot.addEventListener("pointerleave", () => {
      if (start || document.activeElement === plot) return;
      cursor.step = null;
      overlay();
      gatewise.read();
    });
    plot.addEventListener("dblclick", gatewise.whole);
    plot.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the wheel alone scrolls the page
      event.preventDefault();
      gatewise.zoom(event.deltaY > 0 ? 1.25 : 0.8, place(panel, event).exact);
    }, { passive: false });
    plot.addEventListener("keydown", (event) => keys(panel, event));
  }

  function pick(panel, step, row, add) {
    if (panel.pick) panel.pick(step, row, add);
    else select({ at: step });
  }

  function keys(panel, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const span = state.to - state.from, far = event.shiftKey ? 10 : 1;
    const stride = Math.max(1, Math.round(span / gatewise.plotWidth())) * far;
    const inside = cursor.step != null && cursor.step >= state.from && cursor.step < state.to;
    const step = inside ? cursor.step : Math.floor((state.from + state.to - 1) / 2);
    const rows = panel.rows ? panel.rows() : 0;
    const move = (to, row = cursor.row) => {
      if (to >= state.to) gatewise.pan(0.5);
      if (to < state.from) gatewise.pan(-0.5);
      cursor.step = clamp(to, 0, steps - 1);
      cursor.row = clamp(row, 0, Math.max(0, rows - 1));
      overlay();
      gatewise.read();
    };
    const actions = {
      ArrowLeft: () => move(inside ? step - stride : step),
      ArrowRight: () => move(inside ? step + stride : step),
      ArrowUp: () => move(step, cursor.row - far),
      ArrowDown: () => move(step, cursor.row + far),
      Home: () => move(state.from),
      End: () => move(state.to - 1),
      PageUp: () => gatewise.pan(-0.5),
      PageDown: () => gatewise.pan(0.5),
      "+": () => gatewise.zoom(0.5, step),
      "=": () => gatewise.zoom(0.5, step),
      "-": () => gatewise.zoom(2, step),
      "0": gatewise.whole,
      Enter: () => pick(panel, step, cursor.row, event.shiftKey),
      " ": () => pick(panel, step, cursor.row, event.shiftKey),
      Escape: () => select({ units: [], at: null }),
    };
    if (!actions[event.key] || (!rows && /Arrow(Up|Down)/.test(event.key))) return;
    event.preventDefault();
    actions[event.key]();
  }

  // The time axis under a stack of panels.
  gatewise.axis = (host) => {
    const made = element("div", { class: "axis", "aria-hidden": "true" });
    host.append(made);
    return () => {
      const most = Math.max(2, Math.floor(gatewise.plotWidth() / 90));
      const put = (step, text, kind) => {
        const label = element("span", { class: kind }, text);
        label.style.left = percent(share(step + 0.5));
        return label;
      };
      const symbols = gatewise.symbolsIn(state.from, state.to, gatewise.plotWidth());
      made.style.setProperty("--symbols", `${symbols.height}px`);
      made.replaceChildren(
        ...symbols.marks.map(([step, text]) => put(step, text, symbols.upright ? "symbol upright" : "symbol")),
        ...gatewise.ticks(state.from, state.to, most).map(([step, text]) => put(step, text, share(step + 0.5) > 0.93 ? "last" : "tick")),
      );
    };
  };
}
