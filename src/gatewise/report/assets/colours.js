// Colour maps and the colours of the current scheme; none of them tells red from green.
{
  const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
  const SIGNED = {
    light: ["#0b3c7d", "#4a96cc", "#f3f2ee", "#e58f3e", "#8a3d05"],
    dark: ["#8fd0ff", "#2f7fc0", "#202328", "#f0883a", "#ffd9a0"],
  };
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

  // Of lines that belong together, by their place.
  gatewise.palette = ["--c1", "--c2", "--c3", "--c4", "--c5"];

  // Read once a scheme: after each change of the page, asking would have every style computed anew.
  const known = new Map();
  scheme.addEventListener("change", () => known.clear());
  gatewise.colour = (name) => {
    if (!known.has(name)) {
      known.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    }
    return known.get(name);
  };

  const stops = (signed) => (signed ? SIGNED[scheme.matches ? "dark" : "light"] : VIRIDIS);

  // 256 colours as canvas pixels; the last one, for missing values, is transparent.
  gatewise.ramp = (signed) => {
    const at = stops(signed).map(rgb);
    const table = new Uint32Array(256);
    for (let level = 0; level < 255; level++) {
      const place = (level / 254) * (at.length - 1);
      const i = Math.min(at.length - 2, Math.floor(place)), part = place - i;
      const [r, g, b] = [0, 1, 2].map((k) => Math.round(at[i][k] * (1 - part) + at[i + 1][k] * part));
      table[level] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    }
    return table;
  };
  gatewise.gradient = (signed) => `linear-gradient(to right, ${stops(signed).join(", ")})`;

  // What draws in colour calls this once, and is called again when the scheme changes.
  gatewise.onLook = (draw) => scheme.addEventListener("change", draw);
}
