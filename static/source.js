// The source pane: the document around the quote, beside the answer or over it.

const pane = document.getElementById("source");
const text = document.getElementById("source-text");
const page = document.getElementById("source-page");
const as = document.getElementById("source-as");
const newer = document.getElementById("source-newer");
const AROUND = 3000; // characters shown before and after a quote
const wide = matchMedia("(min-width: 1100px)");
let present = null;
let asked = 0;
let asText = false; // whether the reader would rather see a PDF's text than its page

const cites = () => [...document.querySelectorAll("#output .cite")];

async function open(link) {
  present = link;
  const place = new URL(link.href).searchParams;
  const id = new URL(link.href).pathname.split("/").pop();
  const [start, end] = [Number(place.get("start")), Number(place.get("end"))];
  document.getElementById("source-title").textContent = link.dataset.name;
  document.getElementById("source-place").textContent = link.dataset.place;
  document.getElementById("source-open").href = link.href;
  const all = cites();
  document.getElementById("source-count").textContent = `${all.indexOf(link) + 1} of ${all.length}`;
  for (const each of all) each.toggleAttribute("data-open", each === link);
  if (!pane.open) {
    const here = scrollY; // the focus moves into the pane; the reader's place must not
    if (wide.matches) pane.show();
    else pane.showModal();
    scrollTo({ top: here, behavior: "instant" });
    document.body.classList.add("with-source");
  }
  const first = Math.max(0, start - AROUND);
  const number = ++asked;
  became(link, id, place, number);
  const address = `/api/documents/${id}/text?revision=${place.get("revision")}&start=${first}&end=${end + AROUND}`;
  const reply = await fetch(address).catch(() => null);
  if (number !== asked) return;
  if (!reply?.ok) {
    text.textContent = "The document could not be read. It may have been deleted meanwhile.";
    return;
  }
  fill(await reply.json(), first, start, end);
}

// What became of the quote in a newer revision, and, of a PDF, its page as it looks.
async function became(link, id, place, number) {
  newer.hidden = true;
  as.hidden = true;
  showPage(false);
  const reply = await fetch(`/api/documents/${id}/quote?${place}`).catch(() => null);
  if (!reply?.ok || number !== asked) return;
  const quote = await reply.json();
  if (quote.newer) {
    const there = document.createElement("a");
    there.href = quote.newer.url;
    there.textContent = "Open the newer one";
    newer.replaceChildren(
      `Revision ${quote.revision.number} was read. There is a newer one, in which these words ${quote.newer.still_there ? "still stand" : "do not stand any more"}. `,
      there,
    );
    newer.hidden = false;
  }
  if (!quote.picture) return;
  as.hidden = false;
  const picture = new Image(1000, 1414);
  picture.addEventListener("error", () => {
    if (number !== asked) return;
    showPage(false);
    as.hidden = true;
  });
  picture.alt = `Page ${quote.page} of ${link.dataset.name} as it looks; the quote is boxed.`;
  picture.src = quote.picture;
  page.replaceChildren(picture);
  showPage(!asText);
}

function showPage(shown) {
  page.hidden = !shown;
  text.hidden = shown;
  as.textContent = shown ? "Show the text" : "Show the page";
}

function fill(reply, first, start, end) {
  // Offsets count code points, as Python does.
  const letters = [...reply.text];
  const mark = document.createElement("mark");
  mark.textContent = letters.slice(start - first, end - first).join("");
  const before = letters.slice(0, start - first).join("");
  const after = letters.slice(end - first).join("");
  const body = document.createElement("p");
  body.dir = "auto";
  const shown = (words) => words.replace(/^#{1,6}[ \t]+/gm, ""); // headings say so by their place
  body.append(first > 0 ? "… " : "", shown(before), mark, shown(after), reply.end < reply.revision.characters ? " …" : "");
  text.replaceChildren(body);
  toMark(mark);
}

function toMark(mark = text.querySelector("mark")) {
  if (!mark) return;
  const middle = mark.offsetTop - text.offsetTop - (text.clientHeight - mark.offsetHeight) / 2;
  text.scrollTop = Math.max(0, middle);
}

function step(by) {
  const all = cites();
  const next = all[all.indexOf(present) + by];
  if (next) open(next);
}

export function closeSource() {
  if (pane.open) pane.close();
}

pane.addEventListener("close", () => {
  document.body.classList.remove("with-source");
  for (const each of cites()) each.removeAttribute("data-open");
  if (present?.isConnected) present.focus();
  present = null;
});
as.addEventListener("click", () => {
  asText = !page.hidden;
  showPage(!asText);
  toMark();
});
document.getElementById("source-close").addEventListener("click", closeSource);
document.getElementById("source-previous").addEventListener("click", () => step(-1));
document.getElementById("source-next").addEventListener("click", () => step(1));
document.addEventListener("click", (event) => {
  const link = event.target.closest("#output .cite");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open(link);
});
document.addEventListener("keydown", (event) => {
  if (!pane.open || event.target.closest("input, textarea, select")) return;
  if (event.key === "ArrowLeft") step(-1);
  else if (event.key === "ArrowRight") step(1);
  else if (event.key === "Escape") closeSource();
});
