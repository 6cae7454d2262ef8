// Numbers and times as text.
{
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const DAY = 86400;
  const two = (n) => String(n).padStart(2, "0");

  // A formatter each, made once: making one takes longer than all else that a number needs.
  const formats = new Map();
  const significant = (value, digits) => {
    if (!formats.has(digits)) formats.set(digits, new Intl.NumberFormat("en", { maximumSignificantDigits: digits }));
    return formats.get(digits).format(value);
  };

  gatewise.number = (value, digits = 4) => {
    if (value === "inf" || value === Infinity) return "∞";
    if (value === "-inf" || value === -Infinity) return "−∞";
    if (value == null || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    const text = size !== 0 && (size >= 1e7 || size < 1e-4)
      ? value.toExponential(Math.min(2, digits - 1))
      : significant(value, digits);
    return text.replace("-", "−");
  };

  // Steps by their name: "37 days", and "15 hours" for 30 steps of 30 minutes, as report/unit.py has it.
  const UNIT = { noun: "step", size: "", ...gatewise.data.time?.unit };
  const LARGER = { second: [60, "minute"], minute: [60, "hour"], hour: [24, "day"] };
  const MANY = 120;
  gatewise.stepName = UNIT.noun;
  gatewise.span = (count, { noun, size } = UNIT) => {
    const [length, plural] = size.split(" ");
    let each = Number(length), name = plural?.replace(/s$/, "");
    if (!each) return gatewise.counted(count, noun);
    while (LARGER[name]) {
      const [most, next] = LARGER[name], total = count * each;
      if (!total || (total % most && total < MANY)) break;
      [each, name] = [each / most, next];
    }
    const total = count * each;
    return gatewise.counted(total >= 100 ? Math.round(total) : Math.round(total * 10) / 10, name);
  };

  gatewise.counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

  // Every time is shown as it was given: naive timestamps count as UTC on the way in and out.
  gatewise.calendarText = (seconds) => {
    if (!Number.isFinite(seconds)) return "–";
    const t = new Date(seconds * 1000);
    const day = `${t.getUTCFullYear()}-${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())}`;
    const clock = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
    const exact = t.getUTCSeconds() ? `${clock}:${two(t.getUTCSeconds())}` : clock;
    return exact === "00:00" ? day : `${day} ${exact}`;
  };

  // The text of a tick, no longer than what its distance from the next one asks for.
  function tickText(t, increment) {
    const month = t.getUTCMonth();
    if (increment >= 360 * DAY) return String(t.getUTCFullYear());
    if (increment >= 28 * DAY) return MONTHS[month];
    if (increment >= DAY) return `${MONTHS[month]} ${t.getUTCDate()}`;
    const clock = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
    return increment >= 60 ? clock : `${clock}:${two(t.getUTCSeconds())}`;
  }

  // What the ticks beside a tick leave open, on a line of its own: the year, or the day of an hour.
  function within(t, before, increment) {
    if (increment >= 360 * DAY) return "";
    const year = t.getUTCFullYear(), sameYear = before?.getUTCFullYear() === year;
    if (increment >= DAY) return sameYear ? "" : `\n${year}`;
    const day = `${MONTHS[t.getUTCMonth()]} ${t.getUTCDate()}`;
    if (!sameYear) return `\n${year} ${day}`;
    return before.getUTCMonth() === t.getUTCMonth() && before.getUTCDate() === t.getUTCDate() ? "" : `\n${day}`;
  }

  // The texts of an axis' ticks. The first one has the year, and after it each one where the year changes.
  gatewise.tickTexts = (seconds, increment) => {
    let before = null;
    return seconds.map((at) => {
      const t = new Date(at * 1000);
      const text = tickText(t, increment) + within(t, before, increment);
      before = t;
      return text;
    });
  };
}
