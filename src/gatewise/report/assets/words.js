// What our own words mean, where they are used: on hover, with the keyboard and by a tap.
{
  const { element, byId } = gatewise;
  const tip = element("div", { id: "tip", role: "tooltip", hidden: true });
  let shown = null, tapped = null;

  const meaning = (word) => byId(word.hash.slice(1))?.nextElementSibling?.textContent;

  function show(word) {
    const text = meaning(word);
    if (!text || shown === word) return;
    hide();
    shown = word;
    tip.textContent = text;
    tip.hidden = false;
    word.setAttribute("aria-describedby", "tip");
    const box = word.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const below = box.bottom + own.height + 8 < innerHeight || box.top < own.height + 8;
    const left = gatewise.clamp(box.left, 8, document.documentElement.clientWidth - own.width - 8);
    tip.style.left = `${left + scrollX - document.body.offsetLeft * 0}px`;
    tip.style.top = `${scrollY + (below ? box.bottom + 6 : box.top - own.height - 6)}px`;
  }
  function hide() {
    shown?.removeAttribute("aria-describedby");
    shown = null;
    tip.hidden = true;
  }

  // A word that a script writes; plain text where the page's list does not have it.
  gatewise.word = (name, text = name) => {
    const key = `word-${name.replaceAll(" ", "-")}`;
    return byId(key) ? element("a", { class: "term", href: `#${key}` }, text) : text;
  };

  const at = (event) => event.target.closest?.("a.term");
  document.body.append(tip);
  document.addEventListener("pointerover", (event) => {
    const word = at(event);
    if (word && event.pointerType !== "touch") show(word);
  });
  document.addEventListener("pointerout", (event) => {
    if (at(event) && event.pointerType !== "touch" && document.activeElement !== at(event)) hide();
  });
  document.addEventListener("focusin", (event) => (at(event) ? show(at(event)) : hide()));
  document.addEventListener("pointerdown", (event) => { tapped = shown === at(event) ? shown : null; });
  // A link leaves the selection in the address alone, and a line that holds it stays as it is.
  document.addEventListener("click", (event) => {
    const word = at(event);
    if (!word) return hide();
    event.preventDefault();
    if (tapped === word && event.pointerType === "touch") hide();
    else show(word);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}
