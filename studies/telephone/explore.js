// A gradient that each step multiplies by r, and the sequences that it takes to see what is left.
{
  const { number, range, curve } = gatewise;
  const LEAST = 2 ** -149; // float32's smallest number above 0
  const left = ({ r, T }) => r ** T;
  const needed = ({ r, T }) => T * r ** (-2 * T);

  gatewise.explore({
    about: "Each step back multiplies the gradient by r. What is left after T steps lies under the noise of T others, " +
      "so to see it takes in proportion to T r^(−2T) sequences.",
    sliders: {
      r: { label: "Factor a step, r", min: 0.5, max: 1, step: 0.005, start: 0.8, text: (r) => r.toFixed(3) },
      T: { label: "Steps back, T", min: 1, max: 300, step: 1, start: 100 },
    },
    figures: {
      left: { label: "Gradient left after T steps, r^T", of: left },
      needed: { label: "Sequences needed, in proportion to T r^(−2T)", of: needed },
      halves: { label: "It halves every", of: ({ r }) => Math.log(2) / Math.log(1 / r), unit: "steps" },
      exponent: { label: "Slope of its logarithm, ln r", of: ({ r }) => Math.log(r) },
    },
    says: ({ r, T }, { left, needed }) => {
      if (r === 1) return `At r = 1 nothing is lost, and the sequences needed grow with T alone.`;
      const kept = left < LEAST / 2 ? "float32 holds nothing of the gradient" : `${number(left, 3)} of the gradient is left`;
      return `${T} steps back ${kept}, and to see it takes ${number(needed, 3)} times a fixed number of sequences.`;
    },
    charts: [
      ({ r, T }) => {
        const x = range(T + 1);
        return curve("Gradient by distance", "steps back", x, [{ name: "r^distance", y: x.map((d) => r ** d) }], {
          logY: true, yLabel: "|dL/dx|", reading: "A straight line on a logarithmic axis, of slope ln r.",
          level: r ** T < LEAST / 2 ? { at: LEAST, text: "float32 ends here" } : null,
        });
      },
      ({ r, T }) => {
        const x = range(300, (n) => n + 1);
        return curve("Sequences needed by distance", "steps back, T", x, [{ name: "T r^(−2T)", y: x.map((at) => needed({ r, T: at })) }], {
          logY: true, yLabel: "in proportion to", marks: [{ at: T, text: "T" }],
          reading: "Below r = 1 it soon grows by a constant factor with every step.",
        });
      },
    ],
  });
}
