// Curves with bands, drawn by uPlot.
{
  const { data, byId, colour, number, palette } = gatewise;
  const DASHES = [[], [8, 4], [3, 3], [10, 3, 2, 3], [1, 3]];
  const KEY = 26; // pixels of a line in the legend: three dashes
  const FONT = "12px system-ui, sans-serif", SMALL = "11px system-ui, sans-serif";

  gatewise.chartAxis = (extra) => ({
    stroke: () => colour("--soft"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { stroke: () => colour("--line"), width: 1, size: 5 },
    font: FONT, labelFont: FONT, labelSize: 18,
    ...extra,
  });

  // A label longer than its axis is written smaller, so that none is cut.
  const ruler = document.createElement("canvas").getContext("2d");
  const LEAST = 8, AROUND = 54; // pixels: of letters, and of what lies around the other axis
  function fitLabels(axes, sides) {
    axes.forEach((axis, place) => {
      if (!axis.label) return;
      ruler.font = axis.labelFont;
      const size = parseFloat(axis.labelFont), wide = ruler.measureText(axis.label).width;
      const fits = Math.max(LEAST, Math.floor((size * (sides[place] - AROUND) * 2) / wide) / 2);
      if (fits < size) axis.labelFont = axis.labelFont.replace(/^[\d.]+px/, `${fits}px`);
    });
  }

  // Each line in the legend as it is drawn, so that a dashed one is told from another of its colour.
  function drawKeys(plot) {
    const rows = plot.root.querySelectorAll(".u-legend .u-series");
    plot.series.forEach(({ stroke, width, dash, class: kind }, place) => {
      const marker = rows[place]?.querySelector(".u-marker");
      if (marker && kind === "edge") marker.classList.add("band");
      if (!marker || !place || !width) return;
      marker.innerHTML = `<svg width="${KEY}" height="10" aria-hidden="true"><line x1="0" x2="${KEY}" y1="5" y2="5" ` +
        `stroke="${stroke(plot, place)}" stroke-width="${width}" stroke-dasharray="${(dash || []).join(" ")}"/></svg>`;
      marker.classList.add("drawn");
    });
  }

  // Mount one chart into a focusable element, and again whenever colours or width change.
  gatewise.mount = (host, build, { height: fixed } = {}) => {
    let plot = null;
    function draw() {
      if (!host.clientWidth) return; // hidden: drawn when it is shown
      if (plot) plot.destroy();
      const { options, values } = build();
      const height = fixed ?? Math.max(240, Math.min(340, host.clientWidth * 0.5));
      fitLabels(options.axes, [host.clientWidth, height]);
      plot = new uPlot({ width: host.clientWidth, height, ...options }, values, host);
      drawKeys(plot);
      host.plot = plot;
    }
    host.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
      if (!move || !plot || event.target !== host) return;
      event.preventDefault();
      const last = plot.data[0].length - 1;
      const from = plot.cursor.idx == null ? (move > 0 ? -1 : last + 1) : plot.cursor.idx;
      const idx = gatewise.clamp(from + move, 0, last);
      plot.setCursor({ left: plot.valToPos(plot.data[0][idx], "x"), top: 10 });
    });
    gatewise.onLook(draw);
    let width = 0;
    new ResizeObserver(() => {
      if (host.clientWidth === width) return;
      width = host.clientWidth;
      draw();
    }).observe(host);
    return draw;
  };

  // Labelled vertical lines, drawn by a hook.
  gatewise.drawMarks = drawMarks;
  function drawMarks(plot, marks, level) {
    const { ctx, bbox } = plot, ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.font = `${12 * ratio}px system-ui, sans-serif`;
    ctx.fillStyle = ctx.strokeStyle = colour("--bad");
    ctx.lineWidth = ratio;
    marks.forEach(({ at, text }, i) => {
      const x = plot.valToPos(at, "x", true);
      if (!(x >= bbox.left && x <= bbox.left + bbox.width)) return;
      ctx.setLineDash([4 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const right = x + ctx.measureText(text).width + 6 * ratio < bbox.left + bbox.width;
      ctx.textAlign = right ? "left" : "right";
      ctx.fillText(text, x + (right ? 5 : -5) * ratio, bbox.top + (14 + 15 * i) * ratio);
    });
    if (level) drawLevel(plot, level, ratio);
    ctx.restore();
  }
  // Whether a line of the plot runs through a box, in pixels of the canvas.
  function runsThrough(plot, [left, top, right, bottom]) {
    const x = plot.data[0].map((v) => plot.valToPos(v, "x", true));
    return plot.series.some(({ width }, place) => {
      if (!place || !width) return false;
      const y = plot.data[place].map((v) => (v == null ? null : plot.valToPos(v, "y", true)));
      return y.some((end, k) => {
        const start = y[k - 1], from = Math.max(x[k - 1], left), to = Math.min(x[k], right);
        if (!k || start == null || end == null || from > to) return false;
        const height = (at) => start + ((end - start) * (at - x[k - 1])) / (x[k] - x[k - 1] || 1);
        const [a, b] = [height(from), height(to)];
        return Math.max(a, b) > top && Math.min(a, b) < bottom;
      });
    });
  }
  function drawLevel(plot, { at, text }, ratio) {
    const { ctx, bbox } = plot, y = plot.valToPos(at, "y", true);
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) return;
    ctx.fillStyle = ctx.strokeStyle = colour("--soft");
    ctx.setLineDash([ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    // Above or below the level, on the right or the left: where no line runs through the words.
    const gap = 3 * ratio, high = 14 * ratio, wide = ctx.measureText(text).width;
    const right = bbox.left + bbox.width - gap, left = bbox.left + gap;
    const places = [[right - wide, y - gap], [right - wide, y + high], [left, y - gap], [left, y + high]];
    const free = ([from, foot]) =>
      foot - high >= bbox.top && foot <= bbox.top + bbox.height && !runsThrough(plot, [from, foot - high, from + wide, foot + gap]);
    const [from, foot] = places.find(free) ?? places[0];
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.fillText(text, from, foot);
  }

  // Whole numbers of four digits go without a comma: they may be years.
  const bare = (v, digits) => (Number.isInteger(v) && Math.abs(v) < 10000 ? String(v).replace("-", "−") : number(v, digits));
  const quiet = (v) => (v == null ? "" : bare(v, 4));

  // A logarithmic axis has no place for 0 and below.
  const known = (values, log) => values.map((v) => (v == null || (log && v <= 0) ? null : v));

  // Over many powers of ten every few of them have a tick. uPlot itself gives none beyond 10^16.
  const WIDE = 6, TICKS = 8, TENS = Array.from({ length: 617 }, (_, n) => 10 ** (n - 308));
  function wide(values) {
    const drawn = values.filter((v) => v > 0);
    return Math.log10(Math.max(...drawn) / Math.min(...drawn)) > WIDE;
  }
  function decades(u, axis, least, most) {
    const first = Math.ceil(Math.log10(least) - 1e-9), last = Math.floor(Math.log10(most) + 1e-9);
    const step = Math.max(1, Math.ceil((last - first) / TICKS)), from = Math.ceil(first / step) * step;
    return Array.from({ length: Math.floor((last - from) / step) + 1 }, (_, n) => 10 ** (from + n * step));
  }
  const power = (v) => `10${String(Math.round(Math.log10(v))).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]))}`;

  function build(curve) {
    const few = curve.x.length <= 40;
    // A dashed part of a few points would be lost without their dots.
    const dotted = ({ dashed, dots, y }) => dots || (dashed ? y.filter((v) => v != null).length <= Math.min(20, y.length - 1) : few);
    // Values stand in the legend only while something is pointed at.
    const series = [{ label: curve.xLabel, value: (u, v) => quiet(v) }], values = [curve.x], bands = [];
    curve.lines.forEach((line, i) => {
      // A sixth line has the first one's colour, and another dash.
      const place = line.colour ?? i, dash = DASHES[(place + Math.floor(place / palette.length)) % DASHES.length];
      const tint = palette[place % palette.length], stroke = () => colour(tint);
      const plain = (u, v, s, k) => (k == null ? "" : number(v));
      const value = line.low
        ? (u, v, s, k) => (k == null ? "" : `${number(v)} (${number(line.low[k])} to ${number(line.high[k])})`)
        : plain;
      if (line.low) {
        for (const [edge, label] of [[line.high, "high"], [line.low, "low"]]) {
          series.push({ label: `${line.name}, ${label}`, class: "kept", stroke: "transparent", width: 0, points: { show: false } });
          values.push(known(edge, curve.logY));
        }
        bands.push({ series: [series.length - 2, series.length - 1], fill: () => `color-mix(in srgb, ${colour(tint)} 18%, transparent)` });
      }
      series.push({ label: line.name, stroke, width: line.dashed ? 1.5 : 2, dash: line.dashed ? [6, 4] : dash, points: { show: dotted(line), size: 5 }, value });
      values.push(known(line.y, curve.logY));
      if (line.dot != null) {
        series.push({ label: "kept", class: "kept", stroke, width: 0, points: { show: true, size: 10, fill: stroke } });
        values.push(known(line.y, curve.logY).map((v, k) => (curve.x[k] === line.dot ? v : null)));
      }
    });
    // Lines for the powers of ten only: all nine in between would hide the curve.
    const tens = (u, splits) => splits.map((v) => (v != null && Math.abs(Math.log10(v) % 1) < 1e-9 ? v : null));
    const grid = (log, values) => (log && wide(values) ? { incrs: TENS, splits: decades, filter: (u, splits) => splits, values: (u, splits) => splits.map(power) } : log ? { grid: { stroke: () => colour("--line"), width: 1, filter: tens }, ticks: { stroke: () => colour("--line"), width: 1, size: 5, filter: tens } } : {});
    // In as many digits as tell the ticks apart.
    const plainly = (u, splits) => {
      const told = splits.filter((v) => v != null);
      const digits = [3, 4, 5, 6, 7, 8].find((n) => new Set(told.map((v) => number(v, n))).size === new Set(told).size) ?? 9;
      const write = told.some((v) => Math.abs(v) >= 10000) ? number : bare;
      return splits.map((v) => (v == null ? "" : write(v, digits)));
    };
    const whole = curve.x.every(Number.isInteger) && !curve.logX;
    return {
      options: {
        series, bands,
        legend: { show: curve.lines.length <= 10 },
        scales: { x: { time: false, distr: curve.logX ? 3 : 1 }, y: { distr: curve.logY ? 3 : 1 } },
        axes: [
          gatewise.chartAxis({ label: curve.xLabel, size: 30, ...(whole ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000] } : {}), values: plainly, ...grid(curve.logX, curve.x) }),
          gatewise.chartAxis({ label: curve.yLabel || undefined, size: 52, values: plainly, ...grid(curve.logY, curve.lines.flatMap(({ y }) => y)) }),
        ],
        hooks: { draw: [(plot) => drawMarks(plot, curve.marks, curve.level)] },
      },
      values,
    };
  }

  gatewise.curveOptions = build;

  // The memory curve of the first screen, with its axes' names in smaller letters.
  gatewise.buildGlance = () => {
    if (!data.glance) return;
    const small = () => {
      const made = build(data.glance);
      for (const axis of made.options.axes) Object.assign(axis, { labelFont: SMALL, labelSize: 15, font: SMALL });
      return made;
    };
    gatewise.mount(byId("glance-chart"), small, { height: 195 });
  };

  gatewise.buildCurves = () => {
    for (const [group, curves] of Object.entries(data.curves || {})) {
      const draws = curves.map((curve, place) => gatewise.mount(byId(`${group}-${place}`), () => build(curve)));
      const pick = byId(`${group}-pick`);
      pick?.addEventListener("change", () => draws.forEach((draw, place) => {
        byId(`${group}-${place}`).closest("figure").hidden = place !== Number(pick.value);
        draw();
      }));
    }
  };
}
