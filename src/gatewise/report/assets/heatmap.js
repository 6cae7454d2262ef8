// The heatmap: units by time, one byte per value, one column per pixel or fewer.
{
  const { element, state, select, cursor, span } = gatewise;
  let panel = null, order = [], hovered = null, image = null;

  // Units as they stand from top to bottom. A projection's outputs have an order of their own.
  gatewise.displayed = () => {
    const quantity = gatewise.quantity();
    return quantity.projected ? quantity.slots : gatewise.unitOrder();
  };

  function height(rows) {
    const most = Math.min(480, Math.max(240, innerHeight * 0.55));
    return Math.round(rows * Math.max(1, Math.min(14, most / rows)));
  }

  function pick(step, row, add) {
    const unit = order[row];
    if (gatewise.quantity().projected) return select({ at: step });
    const rest = state.units.filter((u) => u !== unit);
    const there = rest.length < state.units.length;
    return select({ at: step, units: add ? (there ? rest : [...rest, unit]) : [unit] });
  }

  // Bytes of all rows first, then pixels: each pixel is the column that its middle lies in.
  function paint() {
    const quantity = gatewise.quantity();
    const { context } = gatewise.surface(panel, order.length);
    const width = panel.canvas.width, { from, to } = state;
    const column = gatewise.columnSteps(to - from, width);
    const first = Math.floor(from / column), count = Math.ceil(to / column) - first;
    const columnOf = new Uint32Array(width);
    for (let x = 0; x < width; x++) {
      columnOf[x] = Math.floor((from + ((x + 0.5) / width) * (to - from)) / column) - first;
    }
    if (image?.width !== width || image.height !== order.length) image = context.createImageData(width, order.length);
    const pixels = new Uint32Array(image.data.buffer);
    const table = gatewise.ramp(quantity.signed), bytes = new Uint8Array(count);
    order.forEach((unit, row) => {
      quantity.fill(quantity.slotOf.get(unit), first, count, column, bytes);
      const base = row * width;
      for (let x = 0; x < width; x++) pixels[base + x] = table[bytes[columnOf[x]]];
    });
    context.putImageData(image, 0, 0);
    return column;
  }

  function label(quantity, column) {
    const slots = order.map((unit) => quantity.slotOf.get(unit));
    const coarse = column < quantity.stride ? slots.filter((slot) => !quantity.raw[Math.floor(slot / 32)]) : [];
    const absent = coarse.filter((slot) => !quantity.hasRaw(slot)).length;
    const how = quantity.mode === "extreme" ? "value furthest from 0" : quantity.mode;
    if (coarse.length > absent) return `1 column = ${span(quantity.stride)}, ${how}; raw steps are being decoded`;
    const text = `1 column = ${span(column)}, ${column === 1 ? "raw values" : how}`;
    if (!absent) return text;
    const rest = `1 column = ${span(quantity.stride)}, ${how}: their raw steps are not in this page`;
    if (absent === order.length) return rest.replace("their raw", "the raw");
    return `${text}; for ${absent} of ${order.length} units ${rest}`;
  }

  function caption(quantity, column) {
    const bar = element("span", { class: "ramp" });
    bar.style.background = gatewise.gradient(quantity.signed);
    const [low, high] = [quantity.low, quantity.high].map((v) => gatewise.number(v, 3));
    const scale = element("span", { class: "scale" }, low, bar, quantity.clipped ? `${high} and beyond` : high);
    panel.caption.replaceChildren(
      element("span", { class: "title" }, element("b", {}, quantity.name), ` ${quantity.title}`),
      element("span", { class: "pooling", id: "pooling" }, label(quantity, column)),
      scale,
    );
  }

  // The numbers of chosen units beside their rows, and which end is slow.
  function gutter() {
    const marks = [];
    const add = (row, text, kind) => {
      const mark = element("span", { class: kind }, text);
      mark.style.top = `${((row + 0.5) / order.length) * 100}%`;
      marks.push(mark);
    };
    for (const unit of gatewise.quantity().projected ? [] : state.units) {
      const row = order.indexOf(unit);
      if (row >= 0) add(row, String(unit), "chosen");
    }
    // Named where no chosen unit's number stands in the way.
    const rows = state.units.map((unit) => order.indexOf(unit) / order.length);
    if (!gatewise.quantity().projected && state.order === "") {
      if (!rows.some((row) => row < 0.1)) marks.push(element("span", { class: "end top" }, "slow"));
      if (!rows.some((row) => row > 0.85)) marks.push(element("span", { class: "end bottom" }, "fast"));
    }
    panel.gutter.replaceChildren(...marks);
  }

  function follow() {
    const row = cursor.step == null ? -1 : Math.min(cursor.row, order.length - 1);
    hovered.style.display = row < 0 ? "none" : "block";
    hovered.style.top = `${((row + 0.5) / order.length) * 100}%`;
  }

  async function refine() {
    const quantity = gatewise.quantity();
    const column = gatewise.columnSteps(state.to - state.from, panel.canvas.width);
    if (column >= quantity.stride) return;
    const slots = order.map((unit) => quantity.slotOf.get(unit));
    if (await quantity.refine(slots)) gatewise.drawHeatmap();
  }

  gatewise.drawHeatmap = () => {
    if (!arrange()) return; // drawn when it is decoded
    gatewise.paint(panel, draw);
    gatewise.overlay();
  };
  function arrange() {
    if (!gatewise.quantity()?.levels) return false;
    order = gatewise.displayed();
    panel.plot.style.height = `${height(order.length)}px`;
    return true;
  }
  function draw() {
    if (!arrange()) return; // another was chosen while this waited for its turn
    const quantity = gatewise.quantity(), column = paint();
    caption(quantity, column);
    gutter();
    const shown = `${quantity.name}, ${gatewise.counted(order.length, "unit")} by time`;
    panel.plot.setAttribute("aria-label", `Heatmap of ${shown}. ${label(quantity, column)}`);
    refine();
  }

  gatewise.unitAt = (row) => order[Math.min(row, order.length - 1)];

  gatewise.buildHeatmap = (host) => {
    hovered = element("div", { class: "row-line" });
    panel = gatewise.panel(host, { kind: "heat", label: "Heatmap", height: 240, rows: () => order.length, pick, follow });
    panel.plot.append(hovered);
    gatewise.heatmap = panel;
  };
}
