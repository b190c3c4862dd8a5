// Asking: each question is a turn of a conversation, whose answer is written whoever watches. A page
// that is loaded again, or whose connection was lost, is told all that was said meanwhile.
import { AnswerOnPage } from "./answer.js";
import "./card.js";
import { closeSource } from "./source.js";
import { listen, Refused, send } from "./stream.js";

const form = document.getElementById("asking");
const field = document.getElementById("q");
const stage = document.getElementById("stage");
const output = document.getElementById("output");
const askButton = document.getElementById("ask-button");
const stopButton = document.getElementById("stop");
const ENDS = ["answer", "error", "stopped"];
const AGAIN = 1000; // milliseconds before a lost connection is made again
const TRIES = 20;
let writing = null; // the turn whose answer is followed
let following = null; // what ends the following of it
let sending = false; // a further question, until its page comes
let last = ""; // the address of what was asked last

const base = () => form.elements["knowledge-base"].value;
const boxes = [...form.querySelectorAll('input[name="further"]')];

// The conversation's own knowledge base is asked in any case.
function ownApart() {
  for (const box of boxes) {
    box.parentElement.hidden = box.value === base();
    box.disabled = box.value === base(); // and so is in no address
  }
}

function place() {
  const given = new FormData(form);
  given.delete("whole");
  if (given.get("way") === "quick") given.delete("way");
  if (!given.get("only")) given.delete("only");
  return `/ask?${new URLSearchParams(given)}`;
}

const asked = (more = {}) => ({
  question: field.value,
  top_k: Math.max(1, Math.min(200, Number(document.getElementById("top-k").value) || Number(form.dataset.passages))),
  way: document.getElementById("way").value,
  only: document.getElementById("only").value.trim(),
  documents: new FormData(form).getAll("document").map(Number),
  further: new FormData(form).getAll("further"),
  ...more,
});

// The first question: the conversation begins, and the page stays.
async function begin() {
  last = place();
  following?.abort();
  closeSource();
  document.getElementById("hint")?.remove();
  stage.textContent = "Searching the documents";
  busy(true);
  try {
    const address = `/api/knowledge-bases/${encodeURIComponent(base())}/conversations`;
    const turn = await send(address, "POST", asked());
    history.replaceState(null, "", `${place()}&conversation=${turn.conversation}`);
    shown = location.pathname + location.search;
    await follow(turn.id, output);
    goOn(turn.conversation);
  } catch (fault) {
    told(fault);
  }
}

function goOn(conversation) {
  const link = document.createElement("a");
  link.className = "button";
  link.href = `/ask?conversation=${conversation}`;
  link.textContent = "Ask a follow-up, rate or share";
  const line = document.createElement("p");
  line.className = "go-on";
  line.append(link);
  output.append(line);
}

// Any other question: the page of the conversation shows it, and follows its answer.
async function ask(more) {
  if (sending) return;
  sending = true;
  const conversation = form.dataset.conversation;
  try {
    const turn = await send(`/api/conversations/${conversation}/turns`, "POST", asked(more));
    location.assign(`/ask?conversation=${conversation}&turn=${turn.id}`);
  } catch (fault) {
    sending = false;
    told(fault);
  }
}

function told(fault) {
  if (!(fault instanceof Refused)) throw fault;
  stage.textContent = "";
  busy(false);
  new AnswerOnPage(output.querySelector(".turn:last-child .output") ?? output).broken(fault);
}

async function follow(turn, place) {
  const ending = new AbortController();
  following = ending;
  writing = turn;
  place.before(stage);
  busy(true);
  for (let tries = 0; tries < TRIES && !ending.signal.aborted; tries += 1) {
    const page = new AnswerOnPage(place);
    try {
      for await (const event of listen(`/api/turns/${turn}/events`, ending.signal)) {
        tries = 0;
        take(page, event);
        if (ENDS.includes(event.name)) {
          busy(false);
          return;
        }
      }
    } catch (fault) {
      if (ending.signal.aborted) return;
      if (fault instanceof Refused) {
        told(fault);
        return;
      }
    }
    stage.textContent = "The connection was lost. The answer goes on; catching up.";
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
  busy(false);
}

function take(page, { name, data }) {
  const model = form.dataset.model;
  if (name === "understood") {
    stage.textContent = data.changed ? `Looking for: ${data.question}` : "Searching the documents";
  } else if (name === "divided") {
    stage.textContent = `Looking for ${data.questions.length} parts: ${data.questions.join(" \u00b7 ")}`;
  } else if (name === "retrieved") {
    const found = data.results.length;
    stage.textContent = `${found} ${found === 1 ? "passage" : "passages"} found in ${Math.max(1, Math.round(data.milliseconds))} ms`;
  } else if (name === "reading") {
    page.reading(data.passages, model);
    stage.textContent += model ? `. Reading ${data.passages.length}, about ${data.tokens.toLocaleString("en")} tokens${data.left_out ? ` (${data.left_out} found no room)` : ""}, then writing` : "";
  } else if (name === "token") page.token(data.text);
  else if (name === "sentence") page.sentence(data);
  else if (name === "answer") {
    page.finish(data, base());
    stage.textContent = "";
  } else if (name === "stopped") {
    page.article.removeAttribute("aria-busy");
    stage.textContent = "Stopped. What was written is kept.";
  } else if (name === "error") {
    page.broken(data.error);
    stage.textContent = "";
  }
}

function busy(now) {
  askButton.hidden = now;
  stopButton.hidden = !now;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!field.value.trim()) return;
  if (form.dataset.conversation) {
    ask({ parent: Number(form.dataset.parent) || null });
    return;
  }
  if (askButton.hidden && place() === last) return; // sent twice, and it is being answered
  if (place() !== shown) history.pushState(null, "", place());
  document.title = `${field.value.slice(0, 80)} · Ask · Tidemark`;
  begin();
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
stopButton.addEventListener("click", async () => {
  if (writing) await send(`/api/turns/${writing}/stop`, "POST").catch(() => null);
  askButton.hidden = false;
  askButton.focus();
});

// Try again, edit and branch: another turn with the same parent.
output.addEventListener("click", (event) => {
  const turn = event.target.closest(".turn");
  if (!turn) return;
  const parent = Number(turn.dataset.parent) || null;
  const question = turn.querySelector(".asked").textContent;
  const { only } = turn.dataset;
  const further = turn.dataset.further.split(" ").filter(Boolean);
  if (event.target.matches(".again")) ask({ question, parent, only, further });
  else if (event.target.matches(".edit")) {
    field.value = question;
    form.dataset.parent = turn.dataset.parent;
    document.getElementById("only").value = only;
    for (const box of boxes) box.checked = further.includes(box.value);
    field.focus();
  } else if (event.target.matches(".reword")) {
    const words = prompt("What to look for", event.target.dataset.words);
    if (words?.trim()) ask({ question, parent, only, further, standalone: words.trim() });
  }
});
document.getElementById("share")?.addEventListener("click", async () => {
  const link = document.getElementById("shared-link");
  try {
    const shared = await send(`/api/conversations/${form.dataset.conversation}/share`, "POST");
    const anchor = document.createElement("a");
    anchor.href = shared.url;
    anchor.textContent = new URL(shared.url, location.href).href;
    link.replaceChildren("Whoever has this link can read it; it is shown this once: ", anchor);
  } catch (fault) {
    link.textContent = fault.message;
  }
});

addEventListener("pageshow", () => {
  sending = false; // come back to from the page of another turn
});

ownApart();
form.elements["knowledge-base"].addEventListener("change", ownApart);

// Not for a mere fragment, such as the skip link's.
let shown = location.pathname + location.search;
addEventListener("popstate", () => {
  if (location.pathname + location.search !== shown) location.reload();
});

const unfinished = document.querySelector('.turn[data-state="writing"]');
const fresh = field.value.trim() && !form.dataset.conversation && !document.querySelector(".answer, .problem, .first");
if (unfinished) follow(Number(unfinished.dataset.turn), unfinished.querySelector(".output"));
else if (fresh) begin();
