// What a study's sliders compute with, and JavaScript does not have.
{
  // 1 - erf: a series where it converges fast, a continued fraction beyond (Abramowitz & Stegun 7.1.6, 7.1.14).
  gatewise.erfc = (x) => {
    if (x < 0) return 2 - gatewise.erfc(-x);
    const least = Math.exp(-x * x) / Math.sqrt(Math.PI);
    if (x > 2) {
      let tail = 0;
      for (let n = 60; n > 0; n--) tail = n / 2 / (x + tail);
      return least / (x + tail);
    }
    let term = x, sum = x;
    for (let n = 1; term > 1e-17 * sum; n++) sum += term *= (2 * x * x) / (2 * n + 1);
    return 1 - 2 * least * sum;
  };

  // Numbers that look random, the same ones for the same seed (mulberry32, by Ettinger 2017).
  gatewise.draws = (seed) => {
    const uniform = () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
    const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    return { uniform, normal };
  };

  gatewise.range = (count, of = (n) => n) => Array.from({ length: count }, (_, n) => of(n));
}
