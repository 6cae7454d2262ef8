// The table of units. What it is sorted by orders the heatmap too: one order across the page.
{
  const { element, byId, state, select, number } = gatewise;
  const numeric = (v) => (v === "inf" ? Infinity : v === "-inf" ? -Infinity : v);

  // The units of the record from top to bottom: state.order is "", "unit", a given order's name, or a
  // column with a sign: "-τ" is largest first.
  gatewise.unitOrder = () => {
    const record = gatewise.record(), wish = state.order;
    if (wish === "unit") return [...record.slots].sort((a, b) => a - b);
    const given = record.orders.find((order) => order.name === wish);
    if (given) return given.units;
    const column = record.table.find(({ name }) => `+${name}` === wish || `-${name}` === wish);
    if (!column) return record.slots;
    const sign = wish[0] === "-" ? -1 : 1;
    const value = (slot) => numeric(column.values[slot]);
    return record.slots
      .map((unit, slot) => [unit, value(slot), slot])
      // Unknown values stand last either way; equal ones keep the default order.
      .sort(([, a, i], [, b, j]) => (a == null) - (b == null) || (a === b ? i - j : sign * (a < b ? -1 : 1)))
      .map(([unit]) => unit);
  };

  gatewise.orders = () => {
    const record = gatewise.record();
    const columns = record.table.flatMap(({ name }) => [[`-${name}`, `${name}, largest first`], [`+${name}`, `${name}, smallest first`]]);
    return [["", `${record.orderedBy}`], ["unit", "unit number"], ...record.orders.map(({ name }) => [name, name]), ...columns];
  };

  // A column has one number of decimals, so that its figures can be compared.
  function figures(values) {
    const known = values.map(numeric).filter(Number.isFinite).map(Math.abs);
    const most = Math.max(0, ...known), whole = known.every(Number.isInteger);
    const digits = most > 0 && most < 0.001 ? 6 : whole && most > 1 ? 0 : most <= 1 ? 3 : most < 100 ? 2 : 1;
    return (value) => {
      const n = numeric(value);
      if (!Number.isFinite(n)) return number(value);
      const text = n.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
      return /[1-9]/.test(text) ? text.replace("-", "−") : text.replace("-", ""); // no minus before a zero
    };
  }

  function head(name, description) {
    const down = state.order === `-${name}`, up = state.order === `+${name}`;
    const order = down ? `+${name}` : name === "unit" ? "unit" : `-${name}`;
    const sorted = name === "unit" ? (state.order === "unit" ? "ascending" : null) : down ? "descending" : up ? "ascending" : null;
    const arrow = sorted === "descending" ? " ↓" : sorted === "ascending" ? " ↑" : "";
    const button = element("button", { type: "button", title: description, onclick: () => {
      select({ order });
      requestAnimationFrame(() => focus(name));
    } }, name.replace(/([<>]) /, "$1\u00a0") + arrow.replace(" ", "\u00a0"));
    button.dataset.column = name;
    return element("th", { scope: "col", "aria-sort": sorted }, button);
  }
  function focus(name) {
    const buttons = [...byId("units-table").querySelectorAll("button[data-column]")];
    buttons.find((button) => button.dataset.column === name)?.focus();
  }

  gatewise.drawUnits = () => {
    const host = byId("units-table"), record = gatewise.record();
    if (!host || !record) return;
    const slotOf = new Map(record.slots.map((unit, slot) => [unit, slot]));
    const heads = [head("unit", "number of the unit"), ...record.table.map((c) => head(c.name, c.description))];
    const texts = record.table.map((c) => c.values.map(figures(c.values)));
    const rows = gatewise.unitOrder().map((unit) => {
      const pick = (event) => {
        const rest = state.units.filter((u) => u !== unit);
        const add = event.shiftKey || event.ctrlKey || event.metaKey;
        select({ units: add ? (rest.length < state.units.length ? rest : [...rest, unit]) : [unit] });
      };
      const chosen = state.units.includes(unit);
      const button = element("button", { type: "button", "aria-pressed": String(chosen) }, String(unit));
      const cells = texts.map((text) => element("td", {}, text[slotOf.get(unit)]));
      return element("tr", { class: chosen ? "chosen" : null, onclick: pick }, element("th", { scope: "row" }, button), ...cells);
    });
    const top = host.scrollTop;
    host.replaceChildren(element("table", { class: "units" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows)));
    host.scrollTop = top;
    const some = record.slots.length < record.size ? `${record.slots.length} of ${record.size} units, at even distances along their order. ` : "";
    const timed = record.timesIn ? `τ, the gate timescale, and the half-life are in ${record.timesIn}, by the gates alone. ` : "";
    byId("units-note").textContent = `${some}${timed}Sorting the table orders the heatmap too. A click on a row shows that unit; with Shift, one more.`;
  };

  // Only marks change where the order does not.
  gatewise.markUnits = () => {
    for (const button of byId("units-table")?.querySelectorAll("tbody button") || []) {
      const chosen = state.units.includes(Number(button.textContent));
      button.setAttribute("aria-pressed", String(chosen));
      button.closest("tr").classList.toggle("chosen", chosen);
    }
  };
}
