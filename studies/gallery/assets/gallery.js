// The curves of a study's page, and the small ones of the index: those have the names of axes and lines, and no marks.
{
  const { data, byId, mount, curveOptions } = gatewise;
  const FONT = "11px system-ui, sans-serif";

  function small(curve) {
    const made = curveOptions({ ...curve, marks: [], level: null });
    for (const axis of made.options.axes) Object.assign(axis, { labelFont: FONT, labelSize: 14, font: FONT });
    made.options.cursor = { show: false };
    return made;
  }

  gatewise.upToDate = () => true;
  gatewise.buildCurves();
  for (const [name, curve] of Object.entries(data.small || {})) {
    mount(byId(`small-${name}`), () => small(curve), { height: 200 });
  }
  document.documentElement.dataset.ready = "yes";
}
