// Results by keyboard: arrows move, Enter opens (it is a link), `e` explains, `a` asks.
import { typing } from "./keys.js";

const links = [...document.querySelectorAll(".result h2 a")];
const field = document.getElementById("q");

function move(step) {
  const here = links.indexOf(document.activeElement.closest(".result")?.querySelector("h2 a"));
  const next = here + step;
  if (next < 0) field.focus();
  else links[Math.min(next, links.length - 1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const fromField = event.target === field;
  if (typing(event.target) && !fromField) return;
  if (event.key === "ArrowDown" && links.length) {
    event.preventDefault();
    move(1);
  } else if (event.key === "ArrowUp" && links.length && !fromField) {
    event.preventDefault();
    move(-1);
  } else if (fromField) {
    return;
  } else if (event.key === "e") {
    const why = event.target.closest(".result")?.querySelector("details");
    if (why) why.open = !why.open;
  } else if (event.key === "a") {
    document.getElementById("ask")?.click();
  }
});

// The nearest sentences cost an embedding each: they are asked for with the first panel that opens.
const results = document.querySelector(".results");

async function showNearest(address) {
  for (const each of results.querySelectorAll("a.nearest")) each.remove();
  const reply = await fetch(address).catch(() => null);
  if (!reply?.ok) return;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const found = page.querySelectorAll(".result");
  results.querySelectorAll(".result").forEach((result, place) => {
    const title = (of) => of?.querySelector("h2 a").getAttribute("href");
    // Something was uploaded meanwhile: what is shown stays as it is.
    if (title(found[place]) !== title(result)) return;
    for (const part of [".words", "details.why dl"]) {
      result.querySelector(part).replaceChildren(...found[place].querySelector(part).childNodes);
    }
  });
}

results?.addEventListener(
  "toggle",
  (event) => {
    const link = event.target.open && event.target.querySelector("a.nearest");
    if (link) showNearest(link.href);
  },
  true,
);
