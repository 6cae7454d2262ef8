// The controls above the panels, the line that reads what is under the cursor, and copying.
{
  const { element, byId, state, select, records, steps, cursor } = gatewise;
  const DIRECTIONS = ["forward", "reverse"];
  let made = {};

  const distinct = (values) => [...new Set(values)];

  // A labelled choice among the values that a part of a record's key has; hidden for a single one.
  function choice(label, options, chosen, change) {
    const list = options.map(([value, text]) => element("option", { value, selected: String(value) === String(chosen) }, text));
    const box = element("select", { "aria-label": label, onchange: () => change(box.value) }, ...list);
    return element("label", { hidden: options.length < 2 }, `${label} `, box);
  }

  // The record that differs from the present one in `key`; the nearest where there is none.
  function go(key, value) {
    const current = gatewise.record();
    const score = (r) => ["module", "row", "layer", "direction"].filter((k) => r[k] === (k === key ? value : current[k])).length;
    const fitting = records.map((r, i) => [i, r]).filter(([, r]) => r[key] === value);
    fitting.sort(([, a], [, b]) => score(b) - score(a));
    select({ record: fitting[0][0] });
  }

  function recordChoices() {
    const current = gatewise.record();
    const modules = distinct(records.map((r) => r.module));
    const here = records.filter((r) => r.module === current.module);
    const of = (key) => distinct(here.map((r) => r[key])).sort((a, b) => a - b);
    const cellOf = (module) => records.find((r) => r.module === module).cell;
    const rowName = (row) => here.find((r) => r.row === row).rowName;
    return [
      choice("Module", modules.map((m) => [m, `${m || "the model"} (${cellOf(m)})`]), current.module, (v) => go("module", v)),
      choice("Row", of("row").map((r) => [r, rowName(r)]), current.row, (v) => go("row", Number(v))),
      choice("Layer", of("layer").map((l) => [l, String(l + 1)]), current.layer, (v) => go("layer", Number(v))),
      choice("Direction", of("direction").map((d) => [d, DIRECTIONS[d]]), current.direction, (v) => go("direction", Number(v))),
      choice("Order of units", gatewise.orders(), state.order, (v) => select({ order: v })),
    ];
  }

  // Build choices again where what they show has changed; the one that is in use keeps the keyboard.
  let shownFor = "";
  function keepFocus(host, build) {
    const now = `${state.record} ${state.order}`;
    if (now === shownFor) return;
    shownFor = now;
    const used = host.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    host.replaceChildren(...build());
    if (used) host.querySelector(`select[aria-label="${used}"]`)?.focus();
  }

  function gateSwitch() {
    const buttons = gatewise.record().quantities.map(({ name, title }) => {
      const input = element("input", { type: "radio", name: "gate", value: name, checked: name === state.quantity, onchange: () => select({ quantity: name }) });
      return element("label", { title }, input, element("span", {}, name));
    });
    return element("fieldset", { class: "switch" }, element("legend", {}, "Gate or state"), ...buttons);
  }

  function rangeBox() {
    const field = (key, label) => {
      const input = element("input", { type: "number", min: 0, max: steps, id: `range-${key}`, inputmode: "numeric", onchange: () => select({ [key]: Number(input.value) }) });
      return element("label", {}, `${label} `, input);
    };
    const button = (text, title, act, name) => element("button", { type: "button", title, "aria-label": name, onclick: act }, text);
    return element("div", { class: "range" },
      field("from", "Steps"), field("to", "to"),
      button("−", "Zoom out (key −)", () => gatewise.zoom(2), "Zoom out"),
      button("+", "Zoom in (key +)", () => gatewise.zoom(0.5), "Zoom in"),
      button("Whole", "The whole row (key 0, or double-click)", gatewise.whole),
      button("Copy as Python", "Copy the selection as Python, with the lines that it needs before it", copy),
      element("code", { id: "python" }),
    );
  }

  async function copy(event) {
    const text = gatewise.record().setup + gatewise.python(), button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(text);
    } catch { // no permission, or no clipboard for a file
      const holder = element("textarea", {}, text);
      document.body.append(holder);
      holder.select();
      document.execCommand("copy");
      holder.remove();
      button.focus();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy as Python"; }, 1500);
  }

  gatewise.buildControls = () => {
    const host = byId("controls");
    if (!host) return;
    const current = gatewise.record();
    if (!made.range) {
      made = { records: element("div", { class: "row" }), gates: element("div", { class: "row" }), range: rangeBox() };
      const keys = element("p", { id: "keys", class: "hint" },
        "Drag in any panel to zoom all of them, double-click for the whole. A click in the heatmap chooses a unit and a time, with Shift one more unit. ",
        "Keys in a panel: arrows move, + − 0 zoom, Page Up and Down shift, Enter chooses, Escape clears.");
      host.replaceChildren(made.records, made.gates, made.range, keys);
      if (!current) host.querySelector(".range").lastChild.remove();
      if (!current) [...host.querySelectorAll("button")].at(-1).remove();
    }
    if (current) keepFocus(made.records, recordChoices);
    const shown = made.gates.querySelector("input:checked")?.value;
    const names = [...made.gates.querySelectorAll("input")].map((input) => input.value).join();
    if (current && (names !== current.quantities.map((q) => q.name).join() || shown !== state.quantity)) {
      if (names === current.quantities.map((q) => q.name).join()) {
        made.gates.querySelector(`input[value="${CSS.escape(state.quantity)}"]`).checked = true;
      } else made.gates.replaceChildren(gateSwitch());
    }
  };

  gatewise.drawControls = () => {
    if (!byId("range-from")) return;
    byId("range-from").value = state.from;
    byId("range-to").value = state.to;
    if (byId("python")) byId("python").textContent = gatewise.python();
    gatewise.read();
  };

  const range = () => `${(state.to - state.from).toLocaleString("en")} of ${gatewise.span(steps)}`;

  // What stands under the cursor; the chosen range without one.
  gatewise.read = () => {
    const host = byId("reading");
    if (!host) return;
    const { step } = cursor;
    if (step == null) {
      host.textContent = `${range()}: ${gatewise.timeText(state.from)} to ${gatewise.timeText(state.to - 1)}`;
      return;
    }
    const words = [gatewise.timeText(step)], quantity = gatewise.quantity();
    if (quantity?.levels && gatewise.heatmap) {
      const unit = gatewise.unitAt(cursor.row) ?? gatewise.displayed()[0];
      const { value, pooled } = quantity.at(quantity.slotOf.get(unit), step);
      const how = pooled > 1 ? ` (${quantity.mode} of ${gatewise.span(pooled)})` : "";
      words.push(`unit ${unit}`, `${quantity.name} ${quantity.text(value)}${how}`);
    }
    const strip = gatewise.stripText(step);
    host.textContent = words.join(" · ") + (strip ? ` · ${strip}` : "");
  };
}
