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
  // While something else is being typed, the arrows are for what is suggested.
  if (fromField && field.value !== field.defaultValue) return;
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

// Titles and headings are suggested while one types, after what was searched for before.
const base = document.querySelector('select[name="knowledge-base"]');
const suggested = document.getElementById("suggested");
let waiting;

function option(text) {
  const made = document.createElement("option");
  made.value = text;
  return made;
}

async function suggest(typed) {
  const where = `/api/knowledge-bases/${encodeURIComponent(base.value)}/suggestions`;
  const reply = await fetch(`${where}?q=${encodeURIComponent(typed)}`).catch(() => null);
  if (!reply?.ok || field.value.trim() !== typed) return;
  const found = (await reply.json()).suggestions.map((each) => each.text);
  const before = recent().filter((each) => each.toLowerCase().startsWith(typed.toLowerCase()));
  suggested.replaceChildren(...[...new Set([...before.slice(0, 3), ...found])].map(option));
}

field?.addEventListener("input", () => {
  clearTimeout(waiting);
  const typed = field.value.trim();
  if (typed.length >= 2 && typed.length <= 80) waiting = setTimeout(suggest, 120, typed);
});

// Recent searches are kept by this browser alone.
const MOST_RECENT = 10;
const place = () => `tidemark-recent ${base.value}`;

function recent() {
  try {
    return JSON.parse(localStorage.getItem(place())) ?? [];
  } catch {
    return []; // the browser keeps nothing
  }
}

function remember(words) {
  const kept = [words, ...recent().filter((each) => each !== words)].slice(0, MOST_RECENT);
  try {
    localStorage.setItem(place(), JSON.stringify(kept));
  } catch {
    // The browser keeps nothing.
  }
}

function showRecent() {
  const section = document.getElementById("recent");
  if (!section || !recent().length) return;
  section.querySelector("ul").replaceChildren(
    ...recent().map((words) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `/?${new URLSearchParams({ "knowledge-base": base.value, q: words })}`;
      link.textContent = words;
      link.dir = "auto";
      item.append(link);
      return item;
    }),
  );
  section.querySelector("button").addEventListener("click", () => {
    localStorage.removeItem(place());
    section.hidden = true;
    field.focus();
  });
  section.hidden = false;
}

if (results && field.value.trim().length <= 200) remember(field.value.trim());
showRecent();
