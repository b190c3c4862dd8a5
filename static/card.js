// The card of a citation: its quote and where that stands, on hover and on focus.

const card = document.getElementById("card");
const [words, place] = card.children;
let over = null;

function show(link) {
  over = link;
  words.textContent = link.dataset.quote;
  place.textContent = [link.dataset.name, link.dataset.place].filter(Boolean).join(" \u00b7 ");
  card.hidden = false;
  const at = link.getBoundingClientRect();
  const left = Math.min(Math.max(16, at.left - 24), innerWidth - card.offsetWidth - 16);
  const above = at.top > card.offsetHeight + 16;
  card.style.left = `${left + scrollX}px`;
  card.style.top = `${(above ? at.top - card.offsetHeight - 4 : at.bottom + 4) + scrollY}px`;
  link.setAttribute("aria-describedby", "card");
}

function hide() {
  card.hidden = true;
  over?.removeAttribute("aria-describedby");
  over = null;
}

const cite = (event) => event.target.closest?.("#output .cite");

document.addEventListener("mouseover", (event) => {
  if (cite(event)) show(cite(event));
  else if (over && !event.target.closest("#card")) hide();
});
document.addEventListener("focusin", (event) => {
  if (cite(event)?.matches(":focus-visible")) show(cite(event));
  else hide();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
});
document.addEventListener("click", hide);
