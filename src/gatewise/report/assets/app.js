// Puts the parts together: what is built once, what is drawn again after which change.
{
  const { element, byId, state, data, records } = gatewise;
  const host = byId("panels");
  const drawn = { axes: [] };
  const any = (what, ...keys) => keys.some((key) => what.has(key));

  function build() {
    const strip = element("div", { class: "stack" }), heat = element("div", { class: "stack" });
    drawn.strip = strip;
    drawn.unit = element("div", { class: "stack", id: "unit-lanes" });
    drawn.ledger = element("div", { class: "stack", id: "ledger-panels" });
    drawn.unitHead = element("h3", { id: "unit-head" });
    host.append(strip);
    if (!records.length) return drawn.axes.push(gatewise.axis(host));
    host.append(heat);
    gatewise.buildHeatmap(heat);
    drawn.axes.push(gatewise.axis(host));
    host.append(drawn.unitHead, drawn.unit, drawn.ledger);
    return drawn.axes.push(gatewise.axis(host));
  }

  async function quantity() {
    const wanted = gatewise.quantity();
    if (!wanted) return;
    await wanted.load();
    if (wanted === gatewise.quantity()) {
      gatewise.drawHeatmap();
      gatewise.read();
    }
  }

  function unitHead() {
    const { units } = state;
    drawn.unitHead.replaceChildren(units.length ? `Unit${units.length > 1 ? "s" : ""} ` : "Units over time",
      ...units.map((unit, i) => {
        const swatch = element("i", { class: "swatch" });
        swatch.style.background = `var(${gatewise.palette[i]})`;
        return element("span", { class: "key" }, units.length > 1 ? swatch : "", `${unit}${i < units.length - 1 ? ", " : ""}`);
      }), units.length ? " over time" : "");
  }

  function update(what) {
    const view = any(what, "from", "to");
    gatewise.buildControls();
    gatewise.drawControls();
    if (records.length) {
      if (any(what, "record", "quantity") || !gatewise.quantity().levels) quantity();
      else if (view || any(what, "order", "units")) gatewise.drawHeatmap();
      if (any(what, "record", "units")) {
        unitHead();
        gatewise.buildUnitLanes(drawn.unit);
      }
      if (any(what, "record", "units", "at")) gatewise.buildLedger(drawn.ledger);
      else if (view) gatewise.drawLedger();
      if (view || any(what, "record", "units")) gatewise.drawUnitLanes();
      if (any(what, "record", "order")) gatewise.drawUnits();
      else if (what.has("units")) gatewise.markUnits();
    }
    if (view || what.has("record")) { // another record may be of another row
      gatewise.drawStrip();
      drawn.axes.forEach((draw) => draw());
    }
    gatewise.overlay();
  }

  function look() {
    gatewise.drawStrip();
    drawn.axes.forEach((draw) => draw());
    if (!records.length) return;
    gatewise.drawHeatmap();
    gatewise.drawUnitLanes();
    gatewise.drawLedger();
  }

  async function inside() {
    if (!host) return;
    await gatewise.loadTime();
    build();
    gatewise.onSelect(update);
    gatewise.onLook(look);
    gatewise.watchWidth(host, look);
    gatewise.begin();
    await Promise.all([gatewise.buildStrip(drawn.strip).then(gatewise.drawStrip), quantity()]);
    if (!records.length) drawn.axes.forEach((draw) => draw()); // only the strip has given them a width
    gatewise.overlay();
  }

  // The first screen before all that lies below it.
  async function first() {
    gatewise.buildGlance();
    await gatewise.buildForecast();
    performance.mark("gatewise-overview");
  }

  gatewise.ready = first().then(inside).then(() => {
    performance.mark("gatewise-inside");
    // Charts further down wait until the first panels are on the screen.
    return new Promise((done) => requestAnimationFrame(() => setTimeout(() => {
      gatewise.buildCurves();
      performance.mark("gatewise-ready");
      document.documentElement.dataset.ready = "yes";
      done();
    })));
  });
}
