// What stands at the step of a strand that is pointed at: its position, letter and classes.
{
  const codeAt = (runs, step) => {
    let end = 0;
    for (const [code, length] of runs) if ((end += length) > step) return code;
    return -1;
  };

  for (const strand of document.querySelectorAll(".strand")) {
    const told = JSON.parse(strand.dataset.strand), reading = strand.nextElementSibling;
    const along = strand.querySelector(".along");
    const count = Object.values(told.runs)[0].reduce((sum, [, length]) => sum + length, 0);
    const say = (step) => {
      const position = `${told.step} ${(told.start + step + 1).toLocaleString("en")}`;
      const classes = Object.entries(told.runs).map(([name, runs]) => `${name} ${told.classes[codeAt(runs, step)] ?? "unknown"}`);
      reading.textContent = [position + (told.letters ? `, ${told.letters[step]}` : ""), ...classes].join(" · ");
    };
    strand.addEventListener("pointermove", (event) => {
      const box = along.getBoundingClientRect();
      const step = Math.floor(((event.clientX - box.left) / box.width) * count);
      if (step >= 0 && step < count) say(step);
    });
    strand.addEventListener("pointerleave", () => { reading.textContent = told.span; });
  }
}
