// The ledger of the chosen step, drawn: backward when its content was written, forward when it is read.
{
  const { element, state, steps, colour, number, counted } = gatewise;
  let panels = [], found = null, host = null, asked = 0;

  const say = (...parts) => element("p", {}, ...parts);
  const bold = (text) => element("b", {}, text);

  gatewise.buildLedger = (where) => {
    host = where;
    gatewise.removePanels(host, panels);
    panels = [];
    found = null;
    update(++asked);
  };

  async function update(turn) {
    const record = gatewise.record(), { units, at } = state;
    if (!record) return;
    const message = absent(record);
    if (message) return void (message !== " " && host.replaceChildren(element("p", { class: "hint" }, message)));
    const terms = await Promise.all(units.map((unit) => gatewise.terms(record, unit)));
    if (turn !== asked) return; // chosen anew meanwhile
    found = explain(terms, at, record.direction);
    found.backward = backward(found);
    found.forward = forward(found);
    const text = element("div", { class: "said", id: "ledger" }, ...sentences(record));
    host.append(text);
    if (!known()) return; // nothing to draw past the end of a short row
    const when = gatewise.timeText(at);
    panels = [made("backward", `Written when: what each ${gatewise.stepName} added to the ${record.exact.state_name} state of ${when}`, 72)];
    if (at !== (record.direction ? 0 : record.last)) {
      panels.push(made("forward", `Read when: what is left of what ${when} wrote`, 72));
      key(panels[1]);
    }
    gatewise.drawLedger();
  }

  const known = () => found.each.every((unit) => Number.isFinite(unit.state));

  function absent(record) {
    const { units, at } = state, { exact } = record;
    if (!units.length) return "Choose a unit, in the heatmap or in the table, to see its gates over time.";
    if (!exact) return record.needed
      ? `A ${record.cell} record without ${record.needed} has no ledger of what was written when.`
      : `Nothing in a ${record.cell} record says what was kept: it has no ledger of what was written when.`;
    if (at == null) return "Click on a time to see when its content was written, and when it is read.";
    const missing = units.filter((unit) => record.slots.indexOf(unit) >= exact.units);
    if (!missing.length) return "";
    return `The exact record behind the ledger is in this page for the ${counted(exact.units, "slowest unit")} only; ` +
      `unit ${missing.join(", ")} is not among them. Copy the selection as Python to read it from the trace.`;
  }

  function made(kind, title, height) {
    const panel = gatewise.panel(host, { kind: `lane ${kind}`, label: title, height });
    panel.caption.append(element("span", { class: "title" }, bold(title)));
    return panel;
  }

  function key(panel) {
    const read = found.each[0].read;
    const swatch = (name) => {
      const made = element("i");
      made.style.background = colour(name);
      return made;
    };
    panel.caption.append(
      element("span", { class: "key" }, swatch("--c3"), "what is left"),
      ...(read ? [element("span", { class: "key" }, swatch("--c1"), "shown by the output gate")] : []),
    );
  }

  // Several units are added up by absolute size; one unit keeps its signs.
  function explain(terms, at, direction) {
    const each = terms.map((t) => ({ ...gatewise.backward(t, at, direction), ...gatewise.forward(t, at, direction), read: t.read, initial: t.initial }));
    const sizes = new Float64Array(steps);
    let outside = 0;
    for (const unit of each) {
      unit.parts.forEach((v, s) => { sizes[s] += Math.abs(v); });
      outside += Math.abs(unit.initial == null ? unit.rest : unit.kept * unit.initial);
    }
    const total = sizes.reduce((a, b) => a + b, 0) + outside;
    return { each, sizes, total, outside, at, direction };
  }

  function sentences(record) {
    const { each, sizes, total, outside, at, direction } = found;
    const { units } = state, when = gatewise.timeText(at);
    const who = units.length > 1 ? `units ${units.join(", ")}` : `unit ${units[0]}`;
    if (!known()) return [say(`${who} has no value at ${when}: the row ends before.`)];
    const states = `the ${record.exact.state_name} state${units.length > 1 ? "s" : ""} of ${who} ${units.length > 1 ? "are" : "is"}`;
    const holds = each.map((unit) => number(unit.state, 4)).join(", ");
    const reach = (share) => gatewise.reach(sizes, at, direction, share, total);
    const back = [0.5, 0.9].map(reach);
    const parts = [bold(`At ${when}, ${states} ${holds}. `)];
    if (total === 0) parts.push("Nothing has been written yet.");
    else if (back[0] == null) parts.push("More than half of it comes from before the first step shown. ");
    else {
      parts.push(`Half of what is in it was written in the last ${gatewise.span(back[0])}`);
      parts.push(back[1] == null ? ". " : `, 90 % in the last ${gatewise.span(back[1])}. `);
    }
    return [say(...parts), element("p", { class: "hint" }, remainder(each, total, outside), " The ", gatewise.word("ledger"), " says when it was written, not from which input.")];
  }

  function remainder(each, total, outside) {
    const percent = total ? (100 * outside) / total : 0;
    const share = percent > 0 && percent < 0.01 ? "Under 0.01" : number(percent, 2);
    if (each[0].initial == null) {
      return `${share} % is written by no ${gatewise.stepName} shown: the state before the first one, and rounding.`;
    }
    const worst = Math.max(...each.map((unit) => Math.abs(unit.rest - unit.kept * unit.initial)));
    return `${share} % is left of the state before the first ${gatewise.stepName}; residual ${number(worst, 2)}.`;
  }

  // From 0 on where all values have one sign, else the same on both sides of it.
  function scaleOf(lines) {
    let least = 0, most = 0;
    for (const line of lines) {
      for (const v of line) {
        if (v < least) least = v;
        if (v > most) most = v;
      }
    }
    const far = Math.max(-least, most);
    return far ? [least < 0 ? -far : 0, most > 0 ? far : 0] : [0, 1];
  }

  gatewise.drawLedger = () => {
    if (!found || !panels.length) return;
    const { backward, forward } = found, [back, ahead] = panels;
    gatewise.paint(back, () => bars(back, backward));
    if (ahead) gatewise.paint(ahead, () => gatewise.drawLane(ahead, forward)); // nothing follows the last step
    gatewise.overlay();
  };

  // What both panels draw, with scales of the whole row: they stay when the view is zoomed.
  function backward({ each, sizes }) {
    const parts = each.length > 1 ? sizes : each[0].parts;
    return { parts, range: scaleOf([parts]) };
  }
  function forward({ each }) {
    const lines = each.flatMap(({ left, shown, read }) => (read ? [[left, "--c3"], [shown, "--c1"]] : [[left, "--c3"]]));
    return {
      range: scaleOf(lines.map(([values]) => values)),
      lines: lines.map(([values, name]) => ({ low: values, high: values, stride: 1, style: () => ({ colour: colour(name), width: 1.5 }) })),
    };
  }

  // One bar per pixel column at most: the part furthest from 0, so that a single write stays visible.
  function bars(panel, { parts, range: [low, high] }) {
    const { context, width, height } = gatewise.surface(panel), most = Math.max(-low, high);
    const y = (v) => 2 + (1 - (v - low) / (high - low)) * (height - 4);
    const per = (state.to - state.from) / width, wide = Math.max(1, Math.min(12, 1 / per - 1));
    context.fillStyle = colour("--line");
    context.fillRect(0, Math.round(y(0)), width, 1);
    const draw = (x, value) => {
      context.fillStyle = colour(value < 0 ? "--c1" : "--c2");
      context.fillRect(x, Math.min(y(0), y(value)), wide, Math.max(1, Math.abs(y(value) - y(0))));
    };
    if (per < 1) {
      for (let s = state.from; s < state.to; s++) {
        if (parts[s]) draw((s + 0.5 - state.from) / per - wide / 2, parts[s]);
      }
    } else {
      for (let x = 0; x < width; x++) {
        let far = 0;
        for (let s = Math.floor(state.from + x * per); s < Math.floor(state.from + (x + 1) * per); s++) {
          if (Math.abs(parts[s]) > Math.abs(far)) far = parts[s];
        }
        if (Math.abs(far) > most / height / 2) draw(x, far);
      }
    }
    gatewise.ends(panel, low, high);
  }
}
