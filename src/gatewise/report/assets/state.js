// The selection: one object, one place that changes it, and the address that carries it.
// steps are [from, to) of the page's axis; `at` is the step whose content is explained.
{
  const { records, steps, clamp } = gatewise;
  const listeners = [];
  const NONE = { record: 0, quantity: "", from: 0, to: steps, units: [], at: null, order: "" };
  const FEWEST = Math.min(steps, 8);
  const state = { ...NONE };
  let frame = 0;
  const changed = new Set();

  const record = () => records[state.record];
  gatewise.state = state;
  gatewise.record = record;
  gatewise.quantity = () => record()?.quantities.find((q) => q.name === state.quantity);

  // A wish as it may come from an address or from arithmetic, made valid.
  function valid(wish) {
    const next = { ...state, ...wish };
    next.record = clamp(Math.round(next.record) || 0, 0, Math.max(0, records.length - 1));
    const current = records[next.record];
    if (current) {
      const names = current.quantities.map((q) => q.name);
      // The gate that keeps the state is the one to begin with.
      const first = current.first || names[0];
      if (!names.includes(next.quantity)) next.quantity = first;
      const known = new Set(current.slots);
      next.units = [...new Set(next.units)].filter((unit) => known.has(unit)).slice(0, 5);
    }
    let from = Math.round(next.from), to = Math.round(next.to);
    if (!(to > from)) [from, to] = [0, steps];
    const span = clamp(to - from, FEWEST, steps);
    const middle = (from + to) / 2;
    if (to - from !== span) from = Math.round(middle - span / 2);
    next.from = clamp(from, 0, steps - span);
    next.to = next.from + span;
    if (next.at != null) next.at = clamp(Math.round(next.at), 0, steps - 1);
    return next;
  }

  gatewise.select = (wish) => {
    const next = valid(wish);
    for (const key of Object.keys(next)) {
      if (String(next[key]) !== String(state[key])) changed.add(key);
      state[key] = next[key];
    }
    if (changed.size && !frame) frame = requestAnimationFrame(tell);
  };
  function tell() {
    frame = 0;
    const what = new Set(changed);
    changed.clear();
    listeners.forEach((listen) => listen(what));
    clearTimeout(tell.waiting); // browsers allow few changes of the address a second
    tell.waiting = setTimeout(() => history.replaceState(null, "", gatewise.address()), 120);
  }
  gatewise.onSelect = (listen) => listeners.push(listen);
  gatewise.whole = () => gatewise.select({ from: 0, to: steps });
  gatewise.zoom = (factor, about = (state.from + state.to) / 2) => gatewise.select({
    from: about - (about - state.from) * factor,
    to: about + (state.to - about) * factor,
  });
  gatewise.pan = (part) => {
    const span = state.to - state.from;
    const from = clamp(state.from + Math.round(span * part), 0, steps - span);
    gatewise.select({ from, to: from + span });
  };

  gatewise.address = () => {
    const current = record(), parts = new URLSearchParams();
    if (current) {
      parts.set("module", current.module);
      for (const key of ["layer", "direction", "row"]) parts.set(key, current[key]);
      parts.set("gate", state.quantity);
    }
    parts.set("steps", `${state.from}-${state.to}`);
    if (state.units.length) parts.set("units", state.units.join(","));
    if (state.at != null) parts.set("at", state.at);
    if (state.order) parts.set("order", state.order);
    return `#${parts}`;
  };

  // What an address says, or null where it is none of ours, such as "#scores".
  function read(address) {
    const parts = new URLSearchParams(address.replace(/^#/, ""));
    if (!parts.has("steps") && !parts.has("gate") && !parts.has("units")) return null;
    const numbers = (key, mark) => (parts.get(key) || "").split(mark).filter(Boolean).map(Number);
    const wish = { units: numbers("units", ","), order: parts.get("order") || "" };
    const place = records.findIndex((r) =>
      (!parts.has("module") || r.module === parts.get("module")) &&
      ["layer", "direction", "row"].every((key) => !parts.has(key) || r[key] === Number(parts.get(key))));
    if (place >= 0) wish.record = place;
    if (parts.has("gate")) wish.quantity = parts.get("gate");
    const [from, to] = numbers("steps", "-");
    if (Number.isFinite(from) && Number.isFinite(to)) Object.assign(wish, { from, to });
    const at = parts.has("at") ? Number(parts.get("at")) : NaN;
    wish.at = Number.isFinite(at) ? at : null;
    return wish;
  }
  addEventListener("hashchange", () => {
    const wish = read(location.hash);
    if (wish) gatewise.select(wish);
  });

  // The first selection: the address, or the slowest unit at the row's end.
  gatewise.begin = () => {
    const current = records[0];
    const first = current ? { units: current.slots.slice(0, 1), at: current.last } : {};
    Object.assign(state, valid(read(location.hash) || first));
    listeners.forEach((listen) => listen(new Set(Object.keys(state))));
  };

  // The selection as Python to paste, from the record's pattern.
  gatewise.python = () => {
    const current = record();
    if (!current) return "";
    const { from, to, units } = state;
    const time = from === 0 && to === steps && !current.start ? ":" : `${from + current.start}:${to + current.start}`;
    const chosen = gatewise.quantity().projected ? [] : units;
    const values = {
      layer: current.layer, direction: current.direction, row: current.row,
      quantity: state.quantity, time,
      units: chosen.length ? `[${[...chosen].sort((a, b) => a - b).join(", ")}]` : ":",
    };
    return current.python.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  };
}
