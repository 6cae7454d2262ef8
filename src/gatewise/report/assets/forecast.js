// Truth against prediction of a scored part, by series, target, step ahead and range.
{
  const { data, decode, byId, colour, number, chartAxis } = gatewise;
  const nulled = (values) => Array.from(values, (v) => (Number.isFinite(v) ? v : null));
  const format = (u, v, s, k) => (k == null ? "" : number(v));

  // Seconds since 1970 as the clock of the data's zone shows them, counted as if they were UTC.
  const shown = (seconds) => {
    const clock = data.forecast.clock;
    const change = clock.findLast(([from]) => from <= seconds) || clock[0] || [0, 0];
    return seconds + change[1];
  };

  function build(pick) {
    const all = data.forecast;
    const [series, target, step, range] = pick.map((select) => Number(select.value));
    const chart = all.charts[`${series}/${all.targets[target].index}/${all.steps[step].index}/${range}`];
    const lines = chart.lines.map((line) => nulled(decode(line)));
    const edges = lines.slice(2);
    const line = (label, name, width) => ({ label, width, stroke: () => colour(name), points: { show: false }, value: format });
    const text = (v) => (v == null ? "" : all.calendar ? gatewise.calendarText(shown(v)) : number(v, 9));
    const axis = all.calendar
      ? { size: 46, values: (u, splits, i, space, gap) => gatewise.tickTexts(splits.map(shown), gap) }
      : { size: 32 };
    return {
      options: {
        series: [
          { label: all.calendar ? "time" : "step", value: (u, v) => text(v) },
          // The edges of a band come first, so that the lines lie on top of its fill.
          ...edges.map((_, i) => ({ label: all.bands[i >> 1][i % 2], class: "edge", stroke: "transparent", width: 0, points: { show: false }, value: format })),
          line("prediction", "--c1", 2),
          line("truth", "--ink", 1),
        ],
        bands: all.bands.map((_, i) => ({ series: [2 * i + 2, 2 * i + 1], fill: () => colour("--band") })),
        scales: { x: { time: all.calendar } },
        tzDate: (ts) => uPlot.tzDate(new Date(shown(ts) * 1000), "Etc/UTC"),
        axes: [chartAxis(axis), chartAxis({ size: 56, values: (u, splits) => splits.map((v) => number(v)) })],
      },
      values: [Array.from(decode(chart.time)), ...edges, lines[1], lines[0]],
    };
  }

  gatewise.buildForecast = () => {
    if (!data.forecast) return;
    const pick = ["series", "target", "step", "range"].map((name) => byId(`forecast-${name}`));
    const draw = gatewise.mount(byId("forecast-chart"), () => build(pick));
    pick.forEach((select) => select.addEventListener("change", draw));
  };
}
