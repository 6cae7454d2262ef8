// Findings that open and close together, whole on paper; links to sections, and which one is read.
{
  const { byId } = gatewise;
  const all = () => [...document.querySelectorAll("details.finding")];

  const opener = byId("open-findings");
  opener?.addEventListener("click", () => {
    const mine = all().filter((finding) => finding.closest("#findings"));
    const open = mine.some((finding) => !finding.open);
    mine.forEach((finding) => { finding.open = open; });
    opener.textContent = open ? "Close all" : "Open all";
  });

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((each) => { each.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((each) => { each.open = false; }));

  // Links to sections scroll and leave the selection in the address alone.
  const links = [...document.querySelectorAll('#sections a[href^="#"]')];
  for (const link of links) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const section = byId(link.hash.slice(1));
      section.tabIndex = -1;
      section.focus({ preventScroll: true });
      section.scrollIntoView();
    });
  }

  // The section that stands under the line of links is the one that is read.
  const places = links.map((link) => byId(link.hash.slice(1)));
  let current = null, frame = 0;
  function mark() {
    frame = 0;
    const line = 120;
    let found = places.findLastIndex((place) => place.getBoundingClientRect().top <= line);
    const end = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    if (end && scrollY > 0) found = links.length - 1;
    const link = links[Math.max(0, found)];
    if (link === current || !link) return;
    current?.removeAttribute("aria-current");
    current = link;
    link.setAttribute("aria-current", "true");
    const list = link.closest("ul");
    list.scrollLeft = link.offsetLeft - list.offsetLeft - list.clientWidth / 3;
  }
  addEventListener("scroll", () => { frame ||= requestAnimationFrame(mark); }, { passive: true });
  addEventListener("resize", mark);
  mark();
}
