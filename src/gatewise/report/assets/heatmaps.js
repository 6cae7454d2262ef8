// The gate heatmaps: small canvases that share one time axis, one order of units and one crosshair.
(() => {
  const { data, decode, byId, colour, timeText, number, onChange } = gatewise;
  if (!data.gates) return;
  const gates = data.gates;
  const times = decode(gates.time);
  const columns = times.length;
  const host = byId("gates-panels"), reading = byId("gates-reading"), chooser = byId("gates-layer");
  const LANE = 44, MISSING = 255;

  // Viridis for 0 to 1; blue, neutral, orange for signed values. Both read without red or green.
  const viridis = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

  function ramp(stops) {
    const table = new Uint32Array(256);
    for (let level = 0; level < 255; level++) {
      const place = (level / 254) * (stops.length - 1);
      const i = Math.min(stops.length - 2, Math.floor(place)), part = place - i;
      const [r, g, b] = [0, 1, 2].map((k) => Math.round(stops[i][k] * (1 - part) + stops[i + 1][k] * part));
      table[level] = (255 << 24) | (b << 16) | (g << 8) | r;
    }
    table[MISSING] = 0; // transparent: nothing was there
    return table;
  }

  function stopsOf(panel) {
    if (!panel.signed) return viridis.map(rgb);
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const ends = dark ? ["#8fd0ff", "#2f7fc0", "#f0883a", "#ffd9a0"] : ["#0b3c7d", "#4a96cc", "#e58f3e", "#8a3d05"];
    return [ends[0], ends[1], colour("--zero"), ends[2], ends[3]].map(rgb);
  }

  const layers = gates.layers.map((layer) => ({
    units: layer.units,
    panels: layer.panels.map((panel) => ({ ...panel, cells: decode(panel.cells) })),
  }));
  const lanes = gates.inputs.map((lane) => ({ name: lane.name, low: decode(lane.low), high: decode(lane.high) }));
  const current = () => layers[Number(chooser.value)];
  const cursor = { column: null, row: 0 };
  let marks = []; // {vertical, horizontal, plot} of every panel on the page

  // Several columns share a pixel on a narrow screen: pool them as the panel's caption says.
  function poolBytes(cells, start, stop, mode) {
    let low = 255, high = -1;
    for (let i = start; i < stop; i++) {
      const v = cells[i];
      if (v === MISSING) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
    if (high < 0) return MISSING;
    if (mode === "minimum") return low;
    if (mode === "maximum") return high;
    return 127 - low > high - 127 ? low : high;
  }

  function paint(canvas, panel, units) {
    const ratio = devicePixelRatio || 1;
    const rowHeight = Math.max(2, Math.min(10, Math.floor(168 / units.length)));
    const width = Math.max(1, Math.round(canvas.parentElement.clientWidth * ratio));
    const drawn = Math.min(width, columns);
    canvas.style.height = `${rowHeight * units.length}px`;
    canvas.width = drawn;
    canvas.height = units.length;
    canvas.style.imageRendering = "pixelated";
    const context = canvas.getContext("2d");
    const image = context.createImageData(drawn, units.length);
    const pixels = new Uint32Array(image.data.buffer);
    const table = ramp(stopsOf(panel));
    for (let row = 0; row < units.length; row++) {
      for (let x = 0; x < drawn; x++) {
        const start = Math.floor((x * columns) / drawn);
        const stop = Math.max(start + 1, Math.floor(((x + 1) * columns) / drawn));
        const base = row * columns;
        pixels[row * drawn + x] = table[poolBytes(panel.cells, base + start, base + stop, panel.mode)];
      }
    }
    context.putImageData(image, 0, 0);
  }

  function paintLane(canvas, lane) {
    const ratio = devicePixelRatio || 1;
    const width = canvas.parentElement.clientWidth;
    canvas.style.height = `${LANE}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(LANE * ratio);
    const known = [...lane.low, ...lane.high].filter(Number.isFinite);
    const low = Math.min(...known), high = Math.max(...known);
    const y = (v) => 3 + (1 - (v - low) / (high - low || 1)) * (LANE - 6);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.strokeStyle = colour("--ink");
    context.lineWidth = 1;
    context.lineJoin = "round";
    context.beginPath();
    let pen = false;
    for (let i = 0; i < columns; i++) {
      if (!Number.isFinite(lane.low[i])) { pen = false; continue; }
      const x = ((i + 0.5) / columns) * width;
      pen ? context.lineTo(x, y(lane.low[i])) : context.moveTo(x, y(lane.low[i]));
      if (lane.high[i] !== lane.low[i]) context.lineTo(x, y(lane.high[i]));
      pen = true;
    }
    context.stroke();
  }

  const valueOf = (panel, row, column) => {
    const level = panel.cells[row * columns + column];
    return level === MISSING ? null : panel.low + (level / 254) * (panel.high - panel.low);
  };
  // A byte holds 255 levels, so two decimals are all there is of a gate.
  function short(panel, value) {
    if (value == null) return "–";
    const text = panel.high <= 1 ? value.toFixed(2) : number(Number(value.toPrecision(3)));
    if (!panel.clipped || Math.abs(value) < panel.high * 0.999) return text;
    return value > 0 ? `≥ ${text}` : `≤ ${text}`;
  }

  function read() {
    const { column } = cursor;
    if (column == null) return;
    const layer = current();
    const row = Math.min(cursor.row, layer.units.length - 1);
    const when = timeText(times[column], gates.calendar) + (gates.block > 1 ? ` (${gates.block} steps pooled)` : "");
    const values = layer.panels.map((p) => `${p.name} ${short(p, valueOf(p, row, column))}`);
    const given = lanes.slice(0, 4).map((lane) => `${lane.name} ${number(Number(lane.high[column].toPrecision(3)))}`);
    reading.textContent = `unit ${layer.units[row]} · ${when} · ${values.join(" · ")}` + (given.length ? ` · inputs: ${given.join(", ")}` : "");
    for (const mark of marks) {
      Object.assign(mark.vertical.style, { display: "block", left: `${((column + 0.5) / columns) * 100}%`, top: 0, width: "1px", height: "100%" });
      if (mark.horizontal) Object.assign(mark.horizontal.style, { display: "block", left: 0, top: `${((row + 0.5) / layer.units.length) * 100}%`, width: "100%", height: "1px" });
    }
  }

  function follow(plot, hasRows) {
    const at = (event) => {
      const box = plot.getBoundingClientRect();
      const clamp = (part, count) => Math.max(0, Math.min(count - 1, Math.floor(part * count)));
      cursor.column = clamp((event.clientX - box.left) / box.width, columns);
      if (hasRows) cursor.row = clamp((event.clientY - box.top) / box.height, current().units.length);
      read();
    };
    plot.addEventListener("pointermove", at);
    plot.addEventListener("pointerdown", at);
    plot.addEventListener("keydown", (event) => {
      const far = event.shiftKey ? 10 : 1;
      const move = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
      if (!move) return;
      event.preventDefault();
      if (cursor.column == null) cursor.column = columns - 1;
      else cursor.column = Math.max(0, Math.min(columns - 1, cursor.column + move[0]));
      cursor.row = Math.max(0, Math.min(current().units.length - 1, cursor.row + move[1]));
      read();
    });
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  function figure(title, label, className, legend) {
    const frame = element("figure", className);
    const caption = element("figcaption");
    caption.append(element("span", "", title));
    if (legend) caption.append(legend);
    const plot = element("div", "plot");
    plot.tabIndex = 0;
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", label);
    const canvas = element("canvas"), vertical = element("div", "crosshair");
    plot.append(canvas, vertical);
    frame.append(caption, plot);
    host.append(frame);
    return { plot, canvas, vertical };
  }

  function legendOf(panel) {
    const scale = element("span", "scale");
    const bar = element("span", "ramp");
    bar.style.background = `linear-gradient(to right, ${stopsOf(panel).map((c) => `rgb(${c.join(",")})`).join(", ")})`;
    const [low, high] = [panel.low, panel.high].map((v) => number(Number(v.toPrecision(3))));
    scale.append(element("span", "", low), bar, element("span", "", panel.clipped ? `${high} and beyond` : high));
    return scale;
  }

  function nowLine(plot) {
    if (gates.now == null) return;
    const line = element("div", "crosshair");
    Object.assign(line.style, { display: "block", left: `${gates.now * 100}%`, top: 0, width: "2px", height: "100%", background: colour("--bad") });
    line.title = "now: to the right lie the steps to predict";
    plot.append(line);
  }

  function timeAxis() {
    const axis = element("div", "axis");
    const count = host.clientWidth < 520 ? 3 : 6;
    for (let i = 0; i < count; i++) {
      axis.append(element("span", "", timeText(times[Math.round((i / (count - 1)) * (columns - 1))], gates.calendar)));
    }
    host.append(axis);
  }

  function build() {
    host.replaceChildren();
    marks = [];
    lanes.forEach((lane) => {
      const { plot, canvas, vertical } = figure(lane.name, `Input ${lane.name} over the window`, "lane");
      paintLane(canvas, lane);
      nowLine(plot);
      marks.push({ vertical });
      follow(plot, false);
    });
    if (lanes.length) timeAxis();
    const layer = current();
    for (const panel of layer.panels) {
      const { plot, canvas, vertical } = figure(panel.title, `Heatmap of ${panel.name}, units by time`, "heat", legendOf(panel));
      const horizontal = element("div", "crosshair");
      plot.append(horizontal);
      paint(canvas, panel, layer.units);
      nowLine(plot);
      marks.push({ vertical, horizontal });
      follow(plot, true);
    }
    timeAxis();
    read();
  }

  chooser.addEventListener("change", build);
  onChange(build);
})();
