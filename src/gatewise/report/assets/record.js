// One quantity of one record: its overview, its raw blocks once decoded, and values read from them.
{
  const { inflate, pyramid, strideFor, poolRange } = gatewise;
  const ROWS = 32; // units in a block: ROWS of records.py

  class Quantity {
    constructor(spec, record, steps) {
      Object.assign(this, spec);
      this.steps = steps;
      this.slots = spec.slots || record.slots;
      this.slotOf = new Map(this.slots.map((unit, slot) => [unit, slot]));
      this.raw = new Array(spec.blocks.length).fill(null); // pyramids of the blocks that are decoded
      this.levels = null;
      this.projected = Boolean(spec.slots);
    }

    async load() {
      if (this.levels) return;
      const cells = await inflate(this.overview, "u1");
      const columns = Math.ceil(this.steps / this.stride);
      this.levels = pyramid(cells, this.slots.length, columns, this.stride, this.steps, this.mode);
    }

    // Decode the blocks of `slots` whose raw steps are in the page; true where something is new.
    async refine(slots) {
      const blocks = [...new Set(slots.map((slot) => Math.floor(slot / ROWS)))];
      const missing = blocks.filter((b) => b < this.blocks.length && !this.raw[b]);
      await Promise.all(missing.map(async (b) => {
        const cells = await inflate(this.blocks[b], "u1");
        const rows = cells.length / this.steps;
        this.raw[b] = pyramid(cells, rows, this.steps, 1, this.stride / 4, this.mode);
      }));
      return missing.length > 0;
    }

    hasRaw(slot) {
      return this.stride === 1 || Math.floor(slot / ROWS) < this.blocks.length;
    }

    // The level to draw `slot` from when a column is `column` steps: [level, its row].
    level(slot, column) {
      const stride = strideFor(column);
      const block = this.raw[Math.floor(slot / ROWS)];
      if (stride < this.stride && block) {
        return [block.find((level) => level.stride === stride), slot % ROWS];
      }
      const place = Math.max(0, Math.log2(stride / this.stride) / 2);
      return [this.levels[Math.min(place, this.levels.length - 1)], slot];
    }

    // Columns first, first + 1, ... of `column` steps each, as bytes.
    fill(slot, first, count, column, out) {
      const [level, row] = this.level(slot, column);
      const base = row * level.columns, share = column / level.stride;
      if (share < 1) {
        for (let c = 0; c < count; c++) {
          out[c] = level.cells[base + Math.floor(((first + c) * column) / level.stride)];
        }
      } else if (share === 1) {
        out.set(level.cells.subarray(base + first, base + first + count));
      } else {
        for (let c = 0; c < count; c++) {
          const start = (first + c) * share;
          const stop = Math.min(start + share, level.columns);
          out[c] = poolRange(level.cells, base + start, base + stop, this.mode);
        }
      }
    }

    // The value at a step, null where missing, and how many steps it pools.
    at(slot, step) {
      const [level, row] = this.level(slot, 1);
      const byte = level.cells[row * level.columns + Math.floor(step / level.stride)];
      return { value: this.value(byte), pooled: level.stride };
    }

    value(byte) {
      return byte === gatewise.MISSING ? null : this.low + (byte / 254) * (this.high - this.low);
    }

    // A byte holds 255 levels, so two decimals are all there is of a gate.
    text(value) {
      if (value == null) return "–";
      const text = this.high <= 1 ? value.toFixed(2).replace("-", "−") : gatewise.number(value, 3);
      if (!this.clipped || Math.abs(value) < this.high * 0.999) return text;
      return value > 0 ? `≥ ${text}` : `≤ ${text}`;
    }
  }

  const steps = gatewise.data.time ? gatewise.data.time.steps : 0;
  gatewise.steps = steps;
  gatewise.records = (gatewise.data.records || []).map((record) => ({
    ...record,
    quantities: record.quantities.map((spec) => new Quantity(spec, record, steps)),
  }));
}
