// The three line charts, drawn by uPlot.
(() => {
  const { data, decode, byId, colour, timeText, tickText, number, onChange } = gatewise;
  const palette = ["--c1", "--c2", "--c3", "--c4", "--c5"];
  const dashes = [[], [8, 4], [3, 3], [10, 3, 2, 3], [1, 3]];
  const nulled = (values) => Array.from(values, (v) => (Number.isFinite(v) ? v : null));

  function axis(extra) {
    return {
      stroke: () => colour("--soft"),
      grid: { stroke: () => colour("--line"), width: 1 },
      ticks: { stroke: () => colour("--line"), width: 1, size: 5 },
      font: "12px system-ui, sans-serif",
      ...extra,
    };
  }

  // Mount one chart into a focusable element, and again whenever colours or width change.
  function mount(id, build) {
    const host = byId(id);
    if (!host) return () => {};
    let plot = null;
    function draw() {
      if (plot) plot.destroy();
      const { options, values } = build();
      const height = Math.max(240, Math.min(360, host.clientWidth * 0.45));
      plot = new uPlot({ width: host.clientWidth, height, ...options }, values, host);
    }
    host.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
      if (!move || !plot || event.target !== host) return;
      event.preventDefault();
      const last = plot.data[0].length - 1;
      const from = plot.cursor.idx == null ? (move > 0 ? -1 : last + 1) : plot.cursor.idx;
      const idx = Math.max(0, Math.min(last, from + move));
      plot.setCursor({ left: plot.valToPos(plot.data[0][idx], "x"), top: 10 });
    });
    onChange(draw);
    return draw;
  }

  const valueAxis = () => axis({ size: 56, values: (u, splits) => splits.map(number) });
  const stepAxis = (label) =>
    axis({
      label, labelFont: "12px system-ui, sans-serif", labelSize: 18, size: 30,
      incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    });

  function forecast() {
    const all = data.forecast;
    const pick = ["series", "target", "step", "range"].map((name) => byId(`forecast-${name}`));
    function build() {
      const [series, target, step, range] = pick.map((select) => Number(select.value));
      const key = `${series}/${all.targets[target].index}/${all.steps[step].index}/${range}`;
      const chart = all.charts[key];
      const lines = chart.lines.map((line) => nulled(decode(line)));
      const edges = lines.slice(2);
      const format = (u, v) => number(v);
      const line = (label, name, width) => ({
        label, width, stroke: () => colour(name), points: { show: false }, value: format,
      });
      // The edges of a band come first, so that the lines lie on top of its fill.
      const specs = [
        { label: all.calendar ? "time" : "step", value: (u, v) => timeText(v, all.calendar) },
        ...edges.map((_, i) => ({
          label: all.bands[i >> 1][i % 2],
          class: "edge",
          stroke: "transparent", width: 0, points: { show: false }, value: format,
        })),
        line("prediction", "--c1", 2.25),
        line("truth", "--ink", 1),
      ];
      const bands = all.bands.map((_, i) => ({ series: [2 * i + 2, 2 * i + 1], fill: () => colour("--band") }));
      return {
        options: {
          series: specs, bands,
          scales: { x: { time: all.calendar } },
          tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
          axes: [
            axis(all.calendar
              ? { size: 32, values: (u, splits, i, space, increment) => splits.map((s) => tickText(s, increment)) }
              : { size: 32 }),
            valueAxis(),
          ],
        },
        values: [Array.from(decode(chart.time)), ...edges, lines[1], lines[0]],
      };
    }
    const draw = mount("forecast-chart", build);
    pick.forEach((select) => select.addEventListener("change", draw));
  }

  function horizon() {
    const all = data.horizon;
    const target = byId("horizon-target"), metric = byId("horizon-metric");
    function build() {
      const key = all.metrics[Number(metric.value)].key;
      const name = all.targets[Number(target.value)];
      const models = all.models.filter((m) => m.values[name] && m.values[name][key]);
      const steps = Array.from({ length: all.steps }, (_, i) => i + 1);
      return {
        options: {
          series: [
            { label: "step ahead" },
            ...models.map((m, i) => ({
              label: m.name,
              stroke: () => colour(m.key === "gatewise" ? "--c1" : palette[1 + (i - 1 + 4) % 4]),
              width: m.key === "gatewise" ? 2.5 : 1.5,
              dash: m.key === "gatewise" ? [] : dashes[1 + (i - 1 + 4) % 4],
              points: { show: all.steps <= 40, size: 5 },
              value: (u, v) => number(v),
            })),
          ],
          scales: { x: { time: false, range: [1, all.steps] } },
          axes: [
            stepAxis("steps ahead"),
            valueAxis(),
          ],
        },
        values: [steps, ...models.map((m) => m.values[name][key])],
      };
    }
    const draw = mount("horizon-chart", build);
    [target, metric].forEach((select) => select.addEventListener("change", draw));
  }

  function training() {
    const members = data.training;
    const epochs = Math.max(...members.map((m) => m.train.length));
    const pad = (values) => Array.from({ length: epochs }, (_, i) => (i < values.length ? values[i] : null));
    const known = members.flatMap((m) => [...m.train, ...m.validation]).filter((v) => v != null);
    const low = Math.min(...known);
    const wide = low > 0 && Math.max(...known) / low > 20;
    function build() {
      const series = [{ label: "epoch" }];
      const values = [Array.from({ length: epochs }, (_, i) => i + 1)];
      members.forEach((member, i) => {
        const stroke = () => colour(palette[i % palette.length]);
        const format = (u, v) => number(v);
        const dot = pad(member.validation).map((v, epoch) => (epoch + 1 === member.kept ? v : null));
        series.push(
          { label: `seed ${member.seed} training`, stroke, width: 1, dash: [4, 4], points: { show: false }, value: format },
          { label: `seed ${member.seed} validation`, stroke, width: 2, points: { show: false }, value: format },
          { label: "kept", class: "kept", stroke, width: 0, points: { show: true, size: 9, fill: stroke }, value: format },
        );
        values.push(pad(member.train), pad(member.validation), dot);
      });
      return {
        options: {
          series,
          legend: { show: members.length <= 5 },
          scales: { x: { time: false }, y: wide ? { distr: 3 } : {} },
          axes: [
            stepAxis("epoch"),
            valueAxis(),
          ],
        },
        values,
      };
    }
    mount("training-chart", build);
  }

  if (data.forecast) forecast();
  if (data.horizon) horizon();
  if (data.training) training();
})();
