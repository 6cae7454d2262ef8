// The curves of a study's page, and the small ones of the index: of their words those have the names of the axes alone.
{
  const { data, byId, mount, curveOptions } = gatewise;
  const FONT = "11px system-ui, sans-serif";

  function small(curve) {
    const made = curveOptions({ ...curve, marks: [], level: null });
    for (const axis of made.options.axes) Object.assign(axis, { labelFont: FONT, labelSize: 14, font: FONT });
    Object.assign(made.options, { legend: { show: false }, cursor: { show: false } });
    return made;
  }

  gatewise.upToDate = () => true;
  gatewise.buildCurves();
  for (const [name, curve] of Object.entries(data.small || {})) {
    mount(byId(`small-${name}`), () => small(curve), { height: 160 });
  }
  document.documentElement.dataset.ready = "yes";
}
