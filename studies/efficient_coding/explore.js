// When a jump is worth a write, for jumps of Gaussian size: all or nothing, and softly.
{
  const { number, range, curve, erfc, draws } = gatewise;
  const SPREAD = 1; // s, the standard deviation of a jump's size
  const density = (z) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  // Written whole where D^2 > kappa lambda.
  const rate = ({ kappa, jumps }) => jumps * erfc(Math.sqrt((kappa * jumps) / (2 * SPREAD ** 2)));
  // The mean of [1 - z^2 / D^2]_+ over D of variance 1, by parts, where z^2 = kappa lambda / (2 s^2).
  function soft({ kappa, jumps }) {
    const z = Math.sqrt((kappa * jumps) / 2) / SPREAD;
    return (1 + z * z) * erfc(z / Math.SQRT2) - 2 * z * density(z);
  }
  const STEPS = 240;
  const { uniform, normal } = draws(7);
  const chances = range(STEPS, uniform), sizes = range(STEPS, normal);

  // The same draws at every price: what is worth a write is written, the rest waits for a larger jump.
  function sample({ kappa, jumps }) {
    let value = 0, held = 0, jumped = 0;
    const found = { signal: [], held: [], writes: [], jumped: 0, written: 0 };
    chances.forEach((chance, step) => {
      const size = chance < jumps ? SPREAD * sizes[step] : 0;
      value += size;
      const writes = size * size > kappa * jumps;
      if (writes) held = value;
      found.jumped += size !== 0;
      found.written += writes;
      found.signal.push(value);
      found.held.push(held);
      found.writes.push(writes ? value : null);
    });
    return found;
  }

  gatewise.explore({
    about: "A signal jumps with probability λ a step by a size of standard deviation 1 and stays in between. A write costs κ; a jump of D that is not " +
      "written costs D² a step until the next one, 1/λ steps on average. Sizes are Gaussian here; the study draws them between .5 and 2.",
    sliders: {
      kappa: { label: "Price of a write, κ", min: 0, max: 100, step: 0.5, start: 10 },
      jumps: { label: "Jumps a step, λ", min: 0.01, max: 0.2, step: 0.01, start: 0.05 },
    },
    figures: {
      least: { label: "Smallest jump worth a write, √(κλ)", of: ({ kappa, jumps }) => Math.sqrt(kappa * jumps) },
      rate: { label: "Writes a step, λ erfc √(κλ / 2s²)", of: rate },
      share: { label: "Share of jumps that are written", of: (values) => rate(values) / values.jumps },
      soft: { label: "Written softly of a jump, mean of [1 − κλ / 2D²]₊", of: soft },
      softRate: { label: "Soft writes a step", of: (values) => values.jumps * soft(values) },
      sample: { label: "Jumps written in the sample below", of: (values) => sample(values).written },
    },
    says: (values, { share, least }) => (values.kappa === 0
      ? "Without a price every jump is written."
      : `Jumps below ${number(least, 3)} are not worth a write: ${number(100 * share, 3)} % of all are written.`),
    charts: [
      (values) => {
        const found = sample(values);
        return curve("A signal, and what is held of it", "steps", range(STEPS), [
          { name: "signal", y: found.signal },
          { name: "held", y: found.held },
          { name: "writes", y: found.writes, dots: true },
        ], { reading: "A dot at each write; a jump that is not worth one is left out until a larger one comes." });
      },
      ({ kappa, jumps }) => {
        const x = range(201, (n) => n / 2);
        return curve("What is written at each price", "price, κ", x, [
          { name: "all or nothing", y: x.map((at) => rate({ kappa: at, jumps })) },
          { name: "soft writes", y: x.map((at) => jumps * soft({ kappa: at, jumps })), dashed: true },
        ], { yLabel: "writes a step", marks: [{ at: kappa, text: "κ" }], reading: "The dearer a write, the fewer." });
      },
    ],
  });
}
