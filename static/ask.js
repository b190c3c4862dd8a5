// Asking: the address bar holds the question, the answer streams, Stop stops it.
import { AnswerOnPage } from "./answer.js";
import "./card.js";
import { closeSource } from "./source.js";
import { post } from "./stream.js";

const form = document.getElementById("asking");
const field = document.getElementById("q");
const stage = document.getElementById("stage");
const askButton = document.getElementById("ask-button");
const stopButton = document.getElementById("stop");
let present = null;

const kept = (address) => `answer ${address}`;

function place() {
  const given = new FormData(form);
  given.delete("whole");
  return `/ask?${new URLSearchParams(given)}`;
}

async function ask() {
  present?.abort();
  const stopping = new AbortController();
  present = stopping;
  closeSource();
  document.getElementById("hint")?.remove();
  const base = form.elements["knowledge-base"].value;
  const page = new AnswerOnPage();
  const told = [];
  busy(true);
  stage.textContent = "Searching the documents";
  const body = {
    question: field.value,
    top_k: Number(form.dataset.passages),
    documents: new FormData(form).getAll("document").map(Number),
  };
  try {
    const address = `/api/knowledge-bases/${encodeURIComponent(base)}/answers`;
    for await (const event of post(address, body, stopping.signal)) {
      told.push(event);
      take(page, event, base);
    }
    keep(told);
  } catch (fault) {
    if (present !== stopping) return;
    stage.textContent = fault.name === "AbortError" ? "Stopped. What was written is kept." : "";
    if (fault.name !== "AbortError") page.broken(fault);
    else page.article.removeAttribute("aria-busy");
  }
  if (present === stopping) busy(false);
}

function take(page, { name, data }, base) {
  if (name === "retrieved") {
    const found = data.results.length;
    stage.textContent = `${found} ${found === 1 ? "passage" : "passages"} found in ${Math.max(1, Math.round(data.milliseconds))} ms`;
  } else if (name === "reading") {
    page.reading(data.passages, form.dataset.model);
    stage.textContent += form.dataset.model ? `. Reading ${data.passages.length}, then writing` : "";
  } else if (name === "token") page.token(data.text);
  else if (name === "sentence") page.sentence(data);
  else if (name === "answer") {
    page.finish(data, base);
    stage.textContent = "";
  } else if (name === "error") {
    page.broken(data.error);
    stage.textContent = "";
  }
}

function busy(now) {
  askButton.hidden = now;
  stopButton.hidden = !now;
}

// Going back to an answer shows it as it was: it is not asked, or paid for, again.
function keep(told) {
  try {
    sessionStorage.setItem(kept(place()), JSON.stringify(told));
  } catch {
    sessionStorage.clear();
  }
}

function replay() {
  const told = JSON.parse(sessionStorage.getItem(kept(place())) ?? "null");
  if (!told) return false;
  const page = new AnswerOnPage();
  for (const event of told) take(page, event, form.elements["knowledge-base"].value);
  return true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!field.value.trim()) return;
  if (place() !== shown) history.pushState(null, "", place());
  shown = place();
  document.title = `${field.value.slice(0, 80)} · Ask · Tidemark`;
  ask();
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
stopButton.addEventListener("click", () => {
  present?.abort();
  askButton.hidden = false;
  askButton.focus();
});
// Not for a mere fragment, such as the skip link's.
let shown = location.pathname + location.search;
addEventListener("popstate", () => {
  if (location.pathname + location.search !== shown) location.reload();
});

const streams = field.value.trim() && !document.getElementById("answer") && !document.querySelector(".problem");
if (streams && !document.querySelector(".first") && !replay()) ask();
