// Sliders, figures and charts that a study computes in the page. Its explore.js says what of:
//   gatewise.explore({
//     about,      a sentence or two
//     sliders:  { r: { label, min, max, step, start, of, text } }     of: from the slider's place to the value
//     figures:  { left: { label, of: (values) => number, unit } }
//     says:     (values, figures) => sentence
//     charts:   [(values, figures) => curve]
//   })
{
  const { element, byId, number } = gatewise;

  // A curve as the page draws it, with what is not said left out.
  gatewise.curve = (name, xLabel, x, lines, more = {}) => ({
    name, xLabel, x, yLabel: "", logX: false, logY: false, marks: [], level: null, ...more,
    lines: lines.map((line) => ({ dashed: false, dot: null, low: null, high: null, ...line })),
  });

  function slider(name, { label, min, max, step, start, of = (at) => at, text = number }, changed) {
    const id = `slide-${name}`;
    const input = element("input", { type: "range", id, min, max, step, value: start });
    const shown = element("span", { class: "value", "aria-hidden": "true" });
    const value = () => of(Number(input.value));
    function show() {
      shown.textContent = text(value());
      input.dataset.value = value();
      input.setAttribute("aria-valuetext", text(value()));
    }
    input.addEventListener("input", () => { show(); changed(); });
    show();
    return { value, box: element("div", {}, element("label", { for: id }, label, shown), input) };
  }

  // Figures are kept whole beside the digits that are shown.
  function readout(name, { label, unit = "", text = number }) {
    const shown = element("dd", { id: `figure-of-${name}` });
    const show = (value) => {
      shown.dataset.value = value;
      shown.textContent = `${text(value)} ${unit}`.trim();
    };
    return { show, box: element("div", {}, element("dt", {}, label), shown) };
  }

  gatewise.explore = ({ about, sliders, figures, says, charts }) => {
    const host = byId("sliders");
    const entries = (found, make) => Object.entries(found).map(([name, what]) => [name, make(name, what)]);
    let frame = 0;
    const later = () => { frame ||= requestAnimationFrame(update); };
    const slid = entries(sliders, (name, what) => slider(name, what, later));
    const read = entries(figures, readout);
    const sentence = element("p", { class: "told-by", role: "status" });
    const places = charts.map(() => element("div", { class: "chart", tabindex: 0, role: "img" }));
    const now = {};

    function compute() {
      now.values = Object.fromEntries(slid.map(([name, { value }]) => [name, value()]));
      now.figures = Object.fromEntries(Object.entries(figures).map(([name, { of }]) => [name, of(now.values)]));
      read.forEach(([name, { show }]) => show(now.figures[name]));
      sentence.textContent = says(now.values, now.figures);
    }

    compute();
    const frames = charts.map((chart, place) => {
      const { name, reading = "" } = chart(now.values, now.figures);
      places[place].setAttribute("aria-label", name);
      return element("figure", { class: "curve" }, element("figcaption", {}, element("b", {}, name), element("p", {}, reading)), places[place]);
    });
    host.append(
      element("p", {}, about),
      element("div", { class: "sliders" }, ...slid.map(([, { box }]) => box)),
      sentence,
      element("dl", { class: "readouts" }, ...read.map(([, { box }]) => box)),
      element("div", { class: "curves" }, ...frames),
    );
    byId("explore").hidden = false;
    const draws = charts.map((chart, place) =>
      gatewise.mount(places[place], () => gatewise.curveOptions(chart(now.values, now.figures)), { height: 240 }));

    function update() {
      frame = 0;
      compute();
      draws.forEach((draw) => draw());
    }
  };
}
