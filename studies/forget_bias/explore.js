// What a forget gate with a bias keeps over T steps, and the spread of timescales of the chrono start.
{
  const { number, range, curve } = gatewise;
  const sigmoid = (b) => 1 / (1 + Math.exp(-b));
  // A chrono unit: b = ln u with u uniform from 1 to T - 1, so that its gate is u / (1 + u).
  const gateOf = (u) => u / (1 + u);
  const place = (T, q) => 1 + q * (T - 2);
  const PIECES = 2000;
  // The mean over u, by the midpoints of equal pieces.
  const meanSurvival = (T, d) => range(PIECES, (n) => gateOf(place(T, (n + 0.5) / PIECES)) ** d).reduce((a, b) => a + b) / PIECES;
  // Half is kept over T steps where u is at least 1 / (2^(1/T) - 1).
  const keepHalf = (T) => Math.max(0, Math.min(1, (T - 1 - 1 / (2 ** (1 / T) - 1)) / (T - 2)));

  gatewise.explore({
    about: "At the start the gate is that of its bias alone, σ(b), and keeps σ(b)^T over T steps. The chrono start gives each unit a " +
      "bias of its own, ln U(1, T − 1), so that timescales are spread evenly up to the lag that it is told.",
    sliders: {
      b: { label: "Forget gate's bias, b", min: -2, max: 12, step: 0.1, start: 1, text: (b) => b.toFixed(1).replace("-", "−") },
      T: { label: "Lag, T", min: 0.5, max: 3, step: 0.01, start: 2, of: (at) => Math.round(10 ** at), text: (T) => `${T} steps` },
    },
    figures: {
      gate: { label: "Forget gate, σ(b)", of: ({ b }) => sigmoid(b), text: (f) => number(f, 6) },
      left: { label: "Kept over T steps, σ(b)^T", of: ({ b, T }) => sigmoid(b) ** T },
      half: { label: "Half is kept over", of: ({ b }) => Math.log(2) / -Math.log(sigmoid(b)), unit: "steps" },
      needed: { label: "Bias that keeps half over T steps", of: ({ T }) => -Math.log(2 ** (1 / T) - 1) },
      chrono: { label: "Kept by chrono units over T, their mean", of: ({ T }) => meanSurvival(T, T) },
      share: { label: "Share of chrono units that keep half", of: ({ T }) => keepHalf(T) },
    },
    says: ({ b, T }, { left, chrono }) =>
      `A bias of ${number(b, 3)} keeps ${number(left, 3)} over ${T} steps; the units of a chrono start keep ${number(chrono, 3)} on average.`,
    charts: [
      ({ b, T }) => {
        const each = Math.max(1, Math.ceil(T / 100)), x = range(Math.floor(T / each) + 1, (n) => n * each);
        const chrono = (q) => x.map((d) => gateOf(place(T, q)) ** d);
        return curve("What is kept over a distance", "steps", x, [
          { name: "one bias for all", y: x.map((d) => sigmoid(b) ** d) },
          { name: "chrono, the middle unit", y: chrono(0.5), low: chrono(0.1), high: chrono(0.9) },
        ], { yLabel: "share kept", reading: "The band holds the chrono units but the fastest and the slowest tenth." });
      },
      ({ b, T }) => {
        const end = Math.max(Math.log(T - 1), b, 1) + 0.5, start = Math.min(0, b) - 0.5;
        const x = range(241, (n) => start + (n / 240) * (end - start));
        const density = (at) => (at >= 0 && at <= Math.log(T - 1) ? Math.exp(at) / (T - 2) : 0);
        return curve("Biases of the chrono start", "bias", x, [{ name: "density", y: x.map(density) }], {
          yLabel: "density", marks: [{ at: b, text: "b" }], reading: "Even in timescale, so most biases lie near ln (T − 1).",
        });
      },
    ],
  });
}
