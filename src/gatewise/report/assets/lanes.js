// Lines along the time axis: the strip of inputs and predictions, and the gates of chosen units.
{
  const { element, state, steps, colour, palette, number, inflate } = gatewise;
  const lineColour = (line) => (line.name == null ? ROLES[line.role] : line.colour ? palette[(line.colour - 1) % palette.length] : "--soft");
  const classColour = (code) => (code ? palette[(code - 1) % palette.length] : "--line");
  const ROLES = { "": "--ink", target: "--ink", prediction: "--c1", error: "--c2" };

  // Draw `line` (low and high per column of `stride` steps): a stroke where steps lie apart, else a bar
  // per pixel from the lowest to the highest value, joined to the one before, which keeps every extreme.
  function stroke(context, line, x, y, width, style) {
    const { low, stride } = line;
    const first = Math.floor(state.from / stride), stop = Math.min(low.length, Math.ceil(state.to / stride));
    const per = (stop - first) / width;
    if (per > (stride > 1 ? 0.7 : 1)) return bars(context, line, first, per, y, width, style);
    return path(context, line, first, stop, x, y, style);
  }

  function path(context, { low, high, stride }, first, stop, x, y, style) {
    Object.assign(context, { strokeStyle: style.colour, lineWidth: style.width, lineJoin: "round" });
    context.beginPath();
    let pen = false;
    const to = (px, py) => { pen ? context.lineTo(px, py) : context.moveTo(px, py); pen = true; };
    for (let i = first; i < stop; i++) {
      if (!Number.isFinite(low[i])) { pen = false; continue; }
      const px = x((i + 0.5) * stride), alone = !Number.isFinite(low[i - 1]) && !Number.isFinite(low[i + 1]);
      to(px, y(low[i]));
      if (high[i] !== low[i]) to(px, y(high[i]));
      else if (alone) context.lineTo(px + 1.5, y(low[i])); // a step alone is a dot
    }
    context.stroke();
  }

  function bars(context, { low, high }, first, per, y, width, style) {
    context.fillStyle = style.colour;
    let above = null, below = null; // of the bar before
    for (let px = 0; px < width; px++) {
      const start = first + Math.floor(px * per), end = Math.max(start + 1, first + Math.floor((px + 1) * per));
      let least = Infinity, most = -Infinity;
      for (let i = start; i < end; i++) {
        if (low[i] < least) least = low[i];
        if (high[i] > most) most = high[i];
      }
      if (least === Infinity) { above = below = null; continue; }
      const [top, bottom] = [y(most), y(least)];
      const from = below != null && below < top ? below : top, to = above != null && above > bottom ? above : bottom;
      context.fillRect(px, from - style.width / 2, 1, to - from + style.width);
      [above, below] = [top, bottom];
    }
  }

  function fillBand(context, line, x, y, width) {
    const { bandLow, bandHigh, stride } = line;
    const first = Math.floor(state.from / stride), stop = Math.min(bandLow.length, Math.ceil(state.to / stride));
    const per = (stop - first) / width;
    context.fillStyle = colour("--band");
    if (per > 2) { // a bar per pixel: an outline of thousands of points is slow to fill
      for (let px = 0; px < width; px++) {
        let least = Infinity, most = -Infinity;
        for (let i = first + Math.floor(px * per); i < first + Math.floor((px + 1) * per); i++) {
          if (bandLow[i] < least) least = bandLow[i];
          if (bandHigh[i] > most) most = bandHigh[i];
        }
        if (least <= most) context.fillRect(px, y(most), 1, Math.max(1, y(least) - y(most)));
      }
      return;
    }
    for (let i = first; i < stop; i++) {
      if (!Number.isFinite(bandLow[i])) continue;
      let end = i;
      while (end + 1 < stop && Number.isFinite(bandLow[end + 1])) end++;
      context.beginPath();
      for (let k = i; k <= end; k++) context.lineTo(x((k + 0.5) * stride), y(bandHigh[k]));
      for (let k = end; k >= i; k--) context.lineTo(x((k + 0.5) * stride), y(bandLow[k]));
      context.fill();
      i = end;
    }
  }

  // The range of all lines of a lane over the whole row: it stays when the view is zoomed.
  function extent(lines) {
    let low = Infinity, high = -Infinity;
    for (const line of lines) {
      for (const values of [line.low, line.high, line.bandLow, line.bandHigh]) {
        if (!values) continue;
        for (const v of values) {
          if (v < low) low = v;
          if (v > high) high = v;
        }
      }
    }
    if (low > high) return [0, 1];
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
  }

  // lane: {lines: [{low, high, stride, style}], range, zero}
  function draw(panel, lane) {
    const { context, width, height } = gatewise.surface(panel);
    const [low, high] = lane.range;
    const y = (v) => 3 + (1 - (v - low) / (high - low)) * (height - 6);
    const x = (step) => ((step - state.from) / (state.to - state.from)) * width;
    if (low < 0 && high > 0) {
      context.strokeStyle = colour("--line");
      context.strokeRect(0, Math.round(y(0)) + 0.5, width, 0);
    }
    for (const line of lane.lines) if (line.bandLow) fillBand(context, line, x, y, width);
    for (const line of lane.lines) stroke(context, line, x, y, width, line.style());
    ends(panel, low, high);
  }
  gatewise.drawLane = draw;

  // The ends of a panel's scale; what is nothing beside the other end is written as 0.
  function ends(panel, low, high) {
    const tidy = (v) => number(Math.abs(v) < (high - low) / 1000 ? 0 : v, 3);
    panel.gutter.replaceChildren(
      element("span", { class: "end top" }, tidy(high)),
      element("span", { class: "end bottom" }, tidy(low)),
    );
  }
  gatewise.ends = ends;

  // Classes step by step: a row of blocks for each line, one above the other.
  function drawClasses(panel, lane) {
    const { context, width, height } = gatewise.surface(panel);
    const each = height / lane.lines.length, span = state.to - state.from;
    lane.lines.forEach(({ low }, place) => {
      for (let from = state.from; from < state.to;) {
        let to = from + 1;
        while (to < state.to && low[to] === low[from]) to++;
        if (Number.isFinite(low[from])) {
          const x = ((from - state.from) / span) * width;
          context.fillStyle = colour(classColour(low[from]));
          context.fillRect(x, place * each + 1, Math.max(0.5, ((to - from) / span) * width), each - 2);
        }
        from = to;
      }
    });
    panel.gutter.replaceChildren(...lane.lines.map(({ name }, place) => {
      const mark = element("span", { class: "name" }, name);
      mark.style.top = `${((place + 0.5) / lane.lines.length) * 100}%`;
      return mark;
    }));
  }

  let strip = [];
  gatewise.buildStrip = async (host) => {
    const specs = gatewise.data.strip?.lanes || [];
    // Panels first, at once, so that nothing moves when their lines are decoded.
    const made = specs.map((spec) => {
      const tall = spec.lines.some((line) => line.role === "prediction");
      const height = spec.together ? (spec.classes.length ? 48 : 80) : tall ? 110 : 44;
      const panel = gatewise.panel(host, { kind: "lane", label: `${spec.name} over time`, height });
      const unit = spec.unit ? ` in ${spec.unit}` : "";
      const rows = spec.classes?.length ? `: ${spec.lines.map((line) => line.name).join(" above ")}` : "";
      panel.caption.append(element("span", { class: "title" }, element("b", {}, spec.name), unit, rows), ...keysOf(spec));
      return { panel, spec };
    });
    strip = await Promise.all(made.map(async ({ panel, spec }) => {
      const lines = await Promise.all(spec.lines.map(async (line) => {
        const part = async (name) => (line[name] ? inflate(line[name], "f4") : null);
        const [low, high, bandLow, bandHigh] = await Promise.all(["low", "high", "bandLow", "bandHigh"].map(part));
        const style = () => ({ colour: colour(lineColour(line)), width: line.role === "prediction" ? 1.75 : 1 });
        return { low, high, bandLow, bandHigh, stride: line.stride, style, name: line.name };
      }));
      const range = spec.range || extent(lines);
      if (spec.zero) range[0] = -(range[1] = Math.max(-range[0], range[1]));
      return { panel, lane: { lines, range }, spec };
    }));
  };
  const ofRow = ({ spec }) => spec.row == null || spec.row === gatewise.record()?.row;
  gatewise.drawStrip = () => strip.forEach((each) => {
    const { panel, lane, spec } = each;
    panel.figure.hidden = !ofRow(each);
    if (!panel.figure.hidden) gatewise.paint(panel, () => (spec.classes?.length ? drawClasses : draw)(panel, lane));
  });

  function keysOf(spec) {
    if (spec.classes?.length) {
      return spec.classes.map((name, code) => {
        const swatch = element("i", { class: "block" });
        swatch.style.background = `var(${classColour(code)})`;
        return element("span", { class: "key" }, swatch, name);
      });
    }
    if (spec.lines.length < 2 && !spec.together) return [];
    return spec.lines.map((line) => {
      const swatch = element("i");
      swatch.style.background = `var(${lineColour(line)})`;
      return element("span", { class: "key" }, swatch, line.name ?? line.role + (line.bandLow ? " and its band" : ""));
    });
  }

  // What the strip says at a step: "rain 3.1, discharge 12 (prediction 11)".
  gatewise.stripText = (step) => strip.filter(ofRow).slice(0, 6).filter(({ spec }) => !spec.zero).map(({ lane, spec }) => {
    if (spec.classes?.length) return lane.lines.map(({ low, name }) => `${name} ${spec.classes[low[step]] ?? "–"}`).join(", ");
    const values = lane.lines.map((line, i) => {
      const role = spec.lines[i].role;
      if (line.name) return `${line.name} ${number(line.high[Math.floor(step / line.stride)], 3)}`;
      const value = number(line.high[Math.floor(step / line.stride)], 3);
      return role === "prediction" && i ? `(prediction ${value})` : value;
    });
    return spec.together ? values.join(", ") : `${spec.name} ${values.join(" ")}`;
  }).join(", ");

  // The gates of the chosen units, a lane per quantity.
  let lanes = [];
  gatewise.buildUnitLanes = (host) => {
    gatewise.removePanels(host, lanes.map((each) => each.panel));
    lanes = [];
    const units = state.units;
    if (!gatewise.record() || !units.length) return;
    const quantities = gatewise.record().quantities.filter((q) => !q.projected);
    lanes = quantities.map((quantity) => {
      const panel = gatewise.panel(host, { kind: "lane", label: `${quantity.name} of unit ${units.join(", ")} over time`, height: 44 });
      return { panel, quantity };
    });
  };
  gatewise.drawUnitLanes = () => lanes.forEach((lane) => gatewise.paint(lane.panel, () => drawUnitLane(lane)));
  function drawUnitLane({ panel, quantity }) {
    if (!quantity.levels) return void quantity.load().then(gatewise.drawUnitLanes);
    const slots = state.units.map((unit) => quantity.slotOf.get(unit));
    const column = gatewise.columnSteps(state.to - state.from, gatewise.plotWidth());
    const first = Math.floor(state.from / column), count = Math.ceil(state.to / column) - first;
    let coarse = column;
    const lines = slots.map((slot, i) => {
      const bytes = new Uint8Array(count);
      quantity.fill(slot, first, count, column, bytes);
      coarse = Math.max(coarse, quantity.level(slot, column)[0].stride);
      const values = new Float32Array(first + count).fill(NaN);
      bytes.forEach((byte, c) => { values[first + c] = quantity.value(byte) ?? NaN; });
      return { low: values, high: values, stride: column, style: () => ({ colour: colour(palette[i]), width: 1.25 }) };
    });
    draw(panel, { lines, range: [quantity.low, quantity.high] });
    const how = quantity.mode === "extreme" ? "furthest from 0" : quantity.mode;
    const pooled = coarse > 1 ? element("span", { class: "pooling" }, `1 column = ${gatewise.span(coarse)}, ${how}`) : "";
    const cut = quantity.clipped && lines.some(({ low }) => low.some((v) => Math.abs(v) > quantity.high * 0.999));
    const beyond = cut ? element("span", {}, `beyond ±${number(quantity.high, 3)}, drawn at the edge`) : "";
    panel.caption.replaceChildren(element("span", { class: "title" }, element("b", {}, quantity.name)), pooled, beyond);
    if (column < quantity.stride) quantity.refine(slots).then((fresh) => fresh && gatewise.drawUnitLanes());
  }
}
