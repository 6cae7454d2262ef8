// The time axis: what a step is called, and where ticks stand.
{
  const { data, steps } = gatewise;
  const time = data.time || { kind: "steps", values: null };
  const DAY = 86400;
  const SECONDS = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 5 * DAY, 10 * DAY];
  const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];
  let values = null;

  gatewise.loadTime = async () => {
    if (typeof time.values === "string") values = await gatewise.inflate(time.values, "f8");
  };

  // What stands at the steps of the chosen row, where that is known: its letters, words, ...
  const row = () => time.symbols?.[gatewise.record()?.row ?? 0];
  const SHOWN = { " ": "␣", "\n": "↵", "\t": "⇥", "\ufffd": "?" };
  const shown = (symbol) => symbol.replace(/[ \n\t\ufffd]/g, (sign) => SHOWN[sign]);
  const position = (step) => `${gatewise.stepName} ${(row().first + step).toLocaleString("en")}`;
  const LETTER = 9, SIDE = 6.6; // pixels: of a letter with its space, and of one in a word

  // The symbols of steps [from, to) that have room in `width` pixels: [[step, text], ...], with how far
  // they reach below the panel; upright where words are longer than their steps are wide.
  gatewise.symbolsIn = (from, to, width) => {
    const symbols = row()?.symbols.slice(from, to).map((symbol) => shown(symbol).slice(0, 14));
    const each = width / (to - from);
    if (!symbols?.length || each < LETTER) return { marks: [], height: 0, upright: false };
    const longest = Math.max(...symbols.map((symbol) => symbol.length));
    const upright = longest > 1 && longest * SIDE + 4 > each;
    const marks = symbols.map((symbol, place) => [from + place, symbol]);
    return { marks, height: upright ? longest * SIDE + 8 : 15, upright };
  };

  gatewise.timeText = (step) => {
    if (row()) {
      const symbol = row().symbols[step];
      if (symbol == null) return `step ${step}, past the end`;
      const expected = row().expected[step];
      return `${position(step)}, ${shown(symbol)}${expected == null ? "" : ` (expected ${shown(expected)})`}`;
    }
    if (time.kind === "labels") return `${time.values[step]} (step ${step})`;
    if (time.kind === "calendar") return gatewise.calendarText(values[step]);
    return values ? gatewise.number(values[step], 9) : `step ${step.toLocaleString("en")}`;
  };

  // The step at or after a time; times increase along the axis.
  function stepOf(value) {
    let low = 0, high = steps - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function numbers(from, to, most) {
    const rough = (to - from) / most;
    const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
    const gap = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= rough) || 10 * power;
    const found = [];
    for (let at = Math.ceil(from / gap) * gap; at < to; at += gap) found.push(at);
    return found;
  }

  function dates(first, last, most) {
    const rough = (last - first) / most;
    const gap = SECONDS.find((s) => s >= rough);
    const found = [];
    if (gap) {
      for (let at = Math.ceil(first / gap) * gap; at <= last; at += gap) found.push([at, gap]);
      return found.length || gap === 1 ? found : dates(first, last, 2 * most);
    }
    const many = MONTHS.find((m) => m * 30.4 * DAY >= rough) || MONTHS.at(-1);
    const start = new Date(first * 1000);
    let month = start.getUTCFullYear() * 12 + start.getUTCMonth();
    for (month = Math.ceil(month / many) * many; ; month += many) {
      const at = Date.UTC(Math.floor(month / 12), month % 12, 1) / 1000;
      if (!(at <= last)) break; // also at a time that no date can hold
      if (at >= first) found.push([at, many * 30.4 * DAY]);
    }
    // So short a range may lie between two of them, and an axis without a tick says no year.
    return found.length || !(rough > 1) ? found : dates(first, last, 2 * most);
  }

  // Ticks of steps [from, to) as [step, text], about `most` of them.
  gatewise.ticks = (from, to, most) => {
    if (time.kind === "calendar") {
      const found = dates(values[from], values[to - 1], most);
      if (!found.length) found.push([values[from], 1]); // less than a second
      const times = found.map(([at]) => at), texts = gatewise.tickTexts(times, found[0][1]);
      return times.map((at, place) => [stepOf(at), texts[place]]);
    }
    if (row()) { // counted from 1, as positions are
      return numbers(from + row().first, to + row().first, most)
        .map((at) => [at - row().first, at.toLocaleString("en")])
        .filter(([step]) => step < row().symbols.length);
    }
    const name = (step) => {
      if (time.kind === "labels") return time.values[step].slice(0, 12);
      return values ? gatewise.number(values[step], 6) : step.toLocaleString("en");
    };
    return numbers(from, to, most).map((step) => [step, name(step)]);
  };
}
