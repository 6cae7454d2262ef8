// Truth against prediction of a scored part, by series, target, view and range, and the forecast beyond.
{
  const { data, inflate, byId, colour, number, chartAxis } = gatewise;
  const all = data.forecast;
  const nulled = (values) => Array.from(values, (v) => (Number.isFinite(v) ? v : null));
  const format = (u, v, s, k) => (k == null ? "" : number(v));
  const DAY = 86400;
  const pick = { target: 0, view: 0, range: 0 };
  let place = 0, shown = null, draw = null, at = null;

  // Seconds since 1970 as the clock of the data's zone shows them, counted as if they were UTC.
  const clockAt = (seconds) => all.clock.findLast(([from]) => from <= seconds) || all.clock[0] || [0, 0];
  const local = (seconds) => seconds + clockAt(seconds)[1];
  const text = (v) => (v == null ? "" : all.calendar ? gatewise.calendarText(local(v)) : number(v, 9));

  // The chart that is chosen, decoded: rows of lines, the last points of which may lie beyond the data.
  async function chosen() {
    const key = `${place}/${all.targets[pick.target].index}/${all.views[pick.view].index}/${pick.range}`;
    const chart = all.charts[key];
    const [time, cells] = await Promise.all([inflate(chart.time, "f8"), inflate(chart.lines, "f4")]);
    const count = time.length;
    const lines = [...Array(chart.count).keys()].map((k) => nulled(cells.subarray(k * count, (k + 1) * count)));
    return { key, time: Array.from(time), lines, ahead: chart.ahead, scored: chart.scored };
  }

  // The prediction before and beyond the end of the data, joined by its last point.
  function parted({ lines, ahead }) {
    const [, point] = lines, first = point.length - ahead;
    if (!ahead) return [point];
    return [point.map((v, k) => (k < first ? v : null)), point.map((v, k) => (k >= first ? v : null))];
  }

  function build() {
    const { time, lines, ahead } = shown, edges = lines.slice(2), [scored, beyond] = parted(shown);
    const target = all.targets[pick.target];
    const few = time.length <= 60;
    // In the legend a band is one thing, with both of its edges.
    const edge = (i) => ({
      label: all.bands[i >> 1], class: i % 2 ? "kept" : "edge", stroke: "transparent", width: 0, points: { show: false },
      value: (u, v, s, k) => (k == null || v == null ? "" : `${number(v)} to ${number(edges[i + 1]?.[k])}`),
    });
    const line = (label, name, width, more) => ({
      label, width, stroke: () => colour(name), points: { show: few, size: 4 }, value: format, ...more,
    });
    const axis = all.calendar
      ? { size: 40, values: (u, splits, i, space, gap) => gatewise.tickTexts(splits.map(local), gap) }
      : { size: 30, label: "step" };
    return {
      options: {
        series: [
          { label: all.calendar ? "time" : "step", value: (u, v) => text(v) },
          // The edges of a band come first, so that the lines lie on top of its fill.
          ...edges.map((_, i) => edge(i)),
          line("prediction", "--c1", 2),
          ...(ahead ? [line("forecast beyond the data", "--c2", 2, { dash: [6, 3] })] : []),
          line("truth", "--ink", 1),
        ],
        bands: edges.length ? all.bands.map((_, i) => ({ series: [2 * i + 2, 2 * i + 1], fill: () => colour("--band") })) : [],
        scales: { x: { time: all.calendar } },
        tzDate: (ts) => uPlot.tzDate(new Date(local(ts) * 1000), "Etc/UTC"),
        axes: [chartAxis(axis), chartAxis({ size: 50, label: target.label, values: (u, splits) => splits.map((v) => number(v)) })],
        hooks: { draw: [(plot) => gatewise.drawMarks(plot, marks())] },
      },
      values: [time, ...edges, scored, ...(ahead ? [beyond] : []), lines[0]],
    };
  }

  function marks() {
    const { time, ahead, scored } = shown, found = [];
    if (scored != null) found.push({ at: scored, text: "predicted from here" });
    if (ahead && ahead < time.length) found.push({ at: (time.at(-ahead) + time.at(-ahead - 1)) / 2, text: "end of the data" });
    if (at != null) found.push({ at, text: `window at ${text(at)}` });
    return found;
  }

  async function redraw() {
    const made = await chosen();
    shown = made;
    draw();
    window();
  }

  // Zoom to the window that ends at the chosen time, and say how its gates are shown.
  function window() {
    const note = byId("forecast-window-note"), plot = byId("forecast-chart").plot;
    note.textContent = "";
    if (at == null || !plot) return;
    const { time } = shown, first = time[0], last = time.at(-1);
    const past = all.lookback ?? (last - first) / 4;
    const low = Math.max(first, at - past), high = Math.min(last, Math.max(at + past / 6, low + past / 3));
    plot.setScale("x", { min: low, max: high });
    if (!all.inspect) return;
    const series = /^[\w.-]+$/.test(all.series[place].name) ? all.series[place].name : `'${all.series[place].name.replaceAll("'", "'\\''")}'`;
    const command = all.inspect.replace("{at}", () => text(at).replace(" ", "T")).replace("{series}", () => series);
    note.append("The gates of this window: ", gatewise.element("code", {}, command));
  }

  // Date inputs speak of days: of several steps in a day, its first one is meant.
  const dayOf = (seconds) => Math.floor(local(seconds) / DAY) * DAY;
  const dayText = (seconds) => gatewise.calendarText(local(seconds)).slice(0, 10);
  function bounds() {
    const input = byId("forecast-at");
    [input.min, input.max] = all.windows.map(all.calendar ? dayText : String);
  }
  function choose() {
    const input = byId("forecast-at");
    if (!input.value) return clear();
    const wanted = all.calendar ? Date.parse(`${input.value}T00:00:00Z`) / 1000 : Number(input.value);
    const day = all.calendar ? dayOf : (t) => t;
    const [first, last] = all.windows, there = wanted >= day(first) && wanted <= last + local(last) - last;
    input.setAttribute("aria-invalid", String(!there));
    if (!there) return;
    // Where points were left out, the time that was asked for may be among them.
    at = all.thinned ? wanted : shown.time.find((t) => day(t) >= wanted) ?? last;
    draw();
    window();
  }
  function clear() {
    at = null;
    byId("forecast-at").value = "";
    byId("forecast-at").removeAttribute("aria-invalid");
    draw();
    window();
  }

  function seriesPicker() {
    const input = byId("forecast-series");
    if (!input) return;
    const names = all.series.map(({ name }) => name), list = byId("forecast-names");
    const show = (next) => {
      place = (next + names.length) % names.length;
      input.value = names[place];
      input.removeAttribute("aria-invalid");
      redraw();
    };
    // A list of hundreds is made when somebody asks for it.
    const fill = () => {
      if (!list.children.length) list.append(...all.series.map(({ name, score }) => gatewise.element("option", { value: name }, score)));
    };
    const take = () => {
      const typed = input.value.trim().toLowerCase();
      const exact = names.findIndex((name) => name.toLowerCase() === typed);
      const found = exact >= 0 ? exact : names.findIndex((name) => name.toLowerCase().includes(typed));
      if (typed && found >= 0) show(found);
      else if (typed) input.setAttribute("aria-invalid", "true");
      else show(place);
    };
    input.value = names[place];
    input.addEventListener("focus", () => { fill(); input.select(); });
    input.addEventListener("change", take);
    byId("forecast-before").addEventListener("click", () => show(place - 1));
    byId("forecast-after").addEventListener("click", () => show(place + 1));
  }

  gatewise.buildForecast = async () => {
    if (!all) return;
    place = all.first;
    shown = await chosen();
    draw = gatewise.mount(byId("forecast-chart"), build, { height: 200 });
    for (const name of Object.keys(pick)) {
      byId(`forecast-${name}`).addEventListener("change", (event) => {
        pick[name] = Number(event.target.value);
        redraw();
      });
    }
    seriesPicker();
    bounds();
    byId("forecast-at").addEventListener("change", choose);
    byId("forecast-whole").addEventListener("click", clear);
  };
}
