// A cell c = f c + w: what an impulse leaves, and how far noise and a constant input fill it.
{
  const { number, range, curve, draws } = gatewise;
  const halfLife = (f) => Math.log(2) / -Math.log(f);
  const variance = (f) => 1 / (1 - f * f);

  // The nearest number that bfloat16 has: the upper 16 bits of a float32, halves to the even one.
  const bits = new Uint32Array(1), single = new Float32Array(bits.buffer);
  function bfloat16(value) {
    single[0] = value;
    bits[0] += 0x7fff + ((bits[0] >>> 16) & 1);
    bits[0] &= 0xffff0000;
    return single[0];
  }

  const { normal } = draws(1);
  const noise = range(600, normal);
  const digits = (f) => number(f, 7);

  gatewise.explore({
    about: "The cell keeps f of what it holds and adds what is written: c = f c + w.",
    sliders: {
      f: { label: "Forget gate, f", min: 0.3, max: 5, step: 0.01, start: 2, of: (at) => 1 - 10 ** -at, text: digits },
    },
    figures: {
      half: { label: "Half of an impulse is left after", of: ({ f }) => halfLife(f), unit: "steps" },
      left: { label: "Left after 100 steps, f^100", of: ({ f }) => f ** 100 },
      variance: { label: "Variance under noise of variance 1, 1 / (1 − f²)", of: ({ f }) => variance(f) },
      bound: { label: "Never above, for writes of at most 1: 1 / (1 − f)", of: ({ f }) => 1 / (1 - f) },
      logit: { label: "The gate's input, ln (f / (1 − f))", of: ({ f }) => Math.log(f / (1 - f)) },
      rounded: { label: "What bfloat16 stores as f", of: ({ f }) => bfloat16(f), text: digits },
    },
    says: ({ f }, { half, bound, rounded }) => (rounded === 1
      ? `Half is left after ${number(half)} steps; bfloat16 rounds this f to 1, so that nothing leaks at all.`
      : `Half is left after ${number(half)} steps, and however long one pours, it holds at most ${number(bound)} times a write.`),
    charts: [
      ({ f }, { half, rounded }) => {
        const each = Math.max(1, Math.round(half / 40)), x = range(201, (n) => n * each);
        return curve("What is left of an impulse", "steps", x, [
          { name: "f^n", y: x.map((n) => f ** n) },
          { name: "f as bfloat16 has it", y: x.map((n) => rounded ** n), dashed: true },
        ], { yLabel: "share of the cell", marks: [{ at: half, text: "half-life" }], reading: "Half is gone after ln 2 / −ln f steps." });
      },
      ({ f }, { variance }) => {
        const cell = [], wide = Math.sqrt(variance), x = range(noise.length);
        noise.reduce((c, w) => (cell.push(f * c + w), cell.at(-1)), 0);
        return curve("A cell that noise is written to", "steps", x, [
          { name: "c", y: cell },
          { name: "standard deviation by theory", y: x.map(() => wide), dashed: true },
          { name: "and below 0", y: x.map(() => -wide), dashed: true, colour: 1 },
        ], { yLabel: "c", reading: "It wanders, but does not run away: the standard deviation is 1 / √(1 − f²) once it has settled." });
      },
    ],
  });
}
