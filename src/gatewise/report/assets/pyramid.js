// Honest pooling of bytes: no averages, so that an event of a single step stays visible.
// A byte is 0 to 254, or 255 where there is no value; 127 is the zero of a signed scale.
{
  const MISSING = 255, ZERO = 127, FACTOR = 4;
  gatewise.MISSING = MISSING;

  // The pooled byte of cells[start..stop). A loop for each way of pooling: this is most of what a zoom takes.
  gatewise.poolRange = (cells, start, stop, mode) => {
    let low = MISSING, high = -1;
    if (mode === "minimum") { // a missing byte is the highest, never the least of several
      for (let i = start; i < stop; i++) if (cells[i] < low) low = cells[i];
      return low;
    }
    for (let i = start; i < stop; i++) {
      const v = cells[i];
      if (v === MISSING) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
    if (high < 0) return MISSING;
    return mode === "maximum" || ZERO - low <= high - ZERO ? high : low;
  };

  // One level up: every row of `cells` [rows, columns] with four columns pooled into one.
  function pool(cells, rows, columns, mode) {
    const out = Math.ceil(columns / FACTOR);
    const pooled = new Uint8Array(rows * out);
    for (let row = 0; row < rows; row++) {
      const base = row * columns, end = base + columns;
      for (let c = 0; c < out; c++) {
        const start = base + c * FACTOR;
        pooled[row * out + c] = gatewise.poolRange(cells, start, Math.min(start + FACTOR, end), mode);
      }
    }
    return { cells: pooled, columns: out };
  }

  // Levels of `cells`, whose columns are `stride` steps wide, up to columns of `top` steps.
  gatewise.pyramid = (cells, rows, columns, stride, top, mode) => {
    const levels = [{ cells, columns, stride }];
    while (levels.at(-1).stride * FACTOR <= top) {
      const last = levels.at(-1);
      levels.push({ ...pool(last.cells, rows, last.columns, mode), stride: last.stride * FACTOR });
    }
    return levels;
  };

  // The largest power of four that is no more than n.
  gatewise.strideFor = (n) => {
    let stride = 1;
    while (stride * FACTOR <= n) stride *= FACTOR;
    return stride;
  };

  // How many steps a column pools when `steps` are drawn over `pixels`: a multiple of a level's stride.
  gatewise.columnSteps = (steps, pixels) => {
    const wanted = Math.max(1, steps / pixels), stride = gatewise.strideFor(wanted);
    return Math.ceil(wanted / stride - 1e-9) * stride;
  };
}
