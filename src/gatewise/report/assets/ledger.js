// The ledger: state_t = keep_t state_(t-1) + write_t, so the state is the sum over all steps s of what
// s wrote times the product of keep after s. Computed in float64 from the recorded float32 terms.
{
  // The step of the row's beginning: 0, or the last one for the reverse direction.
  const bounds = (length, direction) => (direction ? [length - 1, -1, 1] : [0, length, -1]);

  // What each step contributes to the state at `at`: parts[s] = write_s * product of keep after s.
  // `rest` is what no step wrote: the state before the first step, and rounding.
  gatewise.backward = (terms, at, direction) => {
    const { keep, write, state } = terms, length = keep.length;
    const parts = new Float64Array(length), back = direction ? 1 : -1;
    let product = 1, sum = 0;
    for (let s = at; s >= 0 && s < length && Number.isFinite(keep[s]); s += back) {
      parts[s] = product * write[s];
      sum += parts[s];
      product *= keep[s];
    }
    return { parts, kept: product, sum, rest: state[at] - sum, state: state[at] };
  };

  // What is left at each later step of what `at` wrote, and how much of that is shown (read gate).
  gatewise.forward = (terms, at, direction) => {
    const { keep, write, read } = terms, [, end] = bounds(keep.length, direction);
    const left = new Float64Array(keep.length).fill(NaN), shown = new Float64Array(keep.length).fill(NaN);
    let product = 1;
    for (let s = at; s !== end && Number.isFinite(keep[s]); s += direction ? -1 : 1) {
      if (s !== at) product *= keep[s];
      left[s] = product * write[at];
      shown[s] = left[s] * (read ? read[s] : 1);
    }
    return { left, shown };
  };

  // How many steps back one must go to hold `share` of all that is in the state, by absolute size.
  gatewise.reach = (sizes, at, direction, share, total) => {
    let sum = 0, count = 0;
    for (let s = at; s >= 0 && s < sizes.length; s += direction ? 1 : -1) {
      sum += sizes[s];
      count += 1;
      if (sum >= share * total) return count;
    }
    return null;
  };

  // The terms of one unit, or null where they are not in the page.
  gatewise.terms = async (record, unit) => {
    const { exact } = record, slot = record.slots.indexOf(unit), { steps } = gatewise;
    if (!exact || slot < 0 || slot >= exact.units) return null;
    const names = ["keep", "write", "state", "read"].filter((name) => exact[name]);
    const arrays = await Promise.all(names.map((name) => gatewise.inflate(exact[name], "f4")));
    const found = { initial: exact.initial ? exact.initial[slot] : null };
    names.forEach((name, i) => { found[name] = arrays[i].subarray(slot * steps, (slot + 1) * steps); });
    return found;
  };
}
