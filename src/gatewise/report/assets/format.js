// Numbers and times as text.
{
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const two = (n) => String(n).padStart(2, "0");
  gatewise.months = MONTHS;

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

  // Steps by their name: "37 days", and "15 hours" for 30 steps of 30 minutes, as the sentences have it.
  const { noun = "step", size = "" } = gatewise.data.time?.unit || {};
  const LARGER = { second: [60, "minute"], minute: [60, "hour"], hour: [24, "day"] };
  const MANY = 120;
  gatewise.stepName = noun;
  gatewise.span = (count) => {
    let [each, name] = size.split(" ");
    if (!size || !Number(each)) return gatewise.counted(count, noun);
    let total = count * Number(each);
    name = name.replace(/s$/, "");
    while (LARGER[name] && total && (total % LARGER[name][0] === 0 || total >= MANY)) {
      total /= LARGER[name][0];
      name = LARGER[name][1];
    }
    return gatewise.counted(Number(total.toFixed(total >= 100 ? 0 : 1)), name);
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
  gatewise.tickText = (seconds, increment) => {
    const t = new Date(seconds * 1000);
    const month = t.getUTCMonth(), day = `${t.getUTCDate()} ${MONTHS[month]}`;
    if (increment >= 360 * 86400) return String(t.getUTCFullYear());
    if (increment >= 28 * 86400) return month === 0 ? String(t.getUTCFullYear()) : MONTHS[month];
    if (increment >= 86400) return day;
    const clock = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
    if (increment >= 60) return clock === "00:00" ? day : clock;
    return `${clock}:${two(t.getUTCSeconds())}`;
  };
}
