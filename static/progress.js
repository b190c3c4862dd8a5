// What the worker does, as it happens: server-sent events → rows, and the table when one is ready.
import { deleted } from "./deleting.js";
import { newRow, remove, rowOf, show } from "./rows.js";

const MOST_ROWS = 60; // more are only counted: ten thousand rows help nobody
const ENDED = "What happens is not shown here any more. Load the page again.";
const counts = document.getElementById("counts");
const notice = document.getElementById("notice");
const addresses = document.getElementById("addresses");
const latest = new Map(); // job → what was told of it last
const MOST_LATEST = 500;
let ready = [];
let soon = null;

export function follow(base) {
  const events = new EventSource(`/api/knowledge-bases/${encodeURIComponent(base)}/events`);
  events.addEventListener("snapshot", (event) => {
    const told = JSON.parse(event.data);
    const present = new Set(told.jobs.map((job) => String(job.id)));
    for (const row of document.querySelectorAll(".uploads [data-job]")) {
      if (present.has(row.dataset.job)) continue;
      remove(row); // it ended between the page and this event
      soon ??= setTimeout(refresh, 500);
    }
    // Rows begin at the top: the oldest first, so that the newest ends up there.
    take({ ...told, jobs: [...told.jobs].sort((one, other) => one.id - other.id) });
  });
  events.addEventListener("changes", (event) => take(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) notice.textContent = ENDED;
  });
}

function take(told) {
  for (const job of told.jobs) {
    latest.delete(job.id);
    latest.set(job.id, job);
    place(job);
  }
  for (const id of latest.keys()) {
    if (latest.size <= MOST_LATEST) break;
    latest.delete(id);
  }
  if (told.counts) {
    const { ready: waiting, running, paused } = told.counts;
    const words = [];
    if (running) words.push(`${running} being read`);
    if (waiting) words.push(`${waiting} waiting`);
    if (paused) words.push(`${paused} paused`);
    if (running && told.pace?.chunks_per_second) words.push(...pace(told.pace));
    counts.textContent = words.join(", ");
  }
  if (told.addresses) tellAddresses(told.addresses);
}

function tellAddresses({ waiting, failed }) {
  const of = (number) => `${number.toLocaleString("en")} ${number === 1 ? "address" : "addresses"}`;
  const words = [];
  if (waiting) words.push(`${of(waiting)} still to be fetched`);
  if (failed) words.push(`${of(failed)} could not be fetched`);
  if (words.length) addresses.textContent = words.join(", ");
}

function pace({ chunks_per_second: rate, seconds_left: left }) {
  const words = [`${Number(rate.toPrecision(3))} chunks/s`];
  if (left === null) return words;
  const [amount, unit] = left < 5400 ? [Math.round(left / 60), "minute"] : [Math.round(left / 3600), "hour"];
  words.push(left < 60 ? "less than a minute left" : `about ${amount} ${unit}${amount === 1 ? "" : "s"} left`);
  return words;
}

// An upload's reply may come after events of its job, and even after the last of them.
export function catchUp(id) {
  if (latest.has(id)) place(latest.get(id));
}

function place(job) {
  let row = rowOf(job.id);
  if (job.state === "succeeded") {
    if (!row) return;
    show(row, job);
    ready.push(job.document_name);
    setTimeout(() => remove(row), 1500);
    soon ??= setTimeout(refresh, 500);
    return;
  }
  if (!row) {
    if (document.querySelectorAll(".uploads .upload").length >= MOST_ROWS) return;
    if (job.state === "cancelled") return; // its document may be gone
    if (deleted.has(String(job.document_id))) return;
    row = newRow(job.document_name, job.size);
  }
  show(row, job);
}

// The table comes from the server, which knows its order and its filter: only its rows are taken.
async function refresh() {
  const names = ready;
  ready = [];
  soon = null;
  const reply = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  if (!reply?.ok) return;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const table = page.getElementById("table");
  if (!table) return; // the page for signing in
  const chosen = new Set([...document.querySelectorAll("td.pick :checked")].map((box) => box.value));
  const focused = document.activeElement?.closest?.("tbody tr")?.dataset.document;
  document.getElementById("table").replaceWith(document.adoptNode(table));
  for (const box of document.querySelectorAll("td.pick input")) box.checked = chosen.has(box.value);
  if (focused) document.querySelector(`tbody tr[data-document="${focused}"] a`)?.focus();
  if (!names.length) return;
  notice.textContent =
    names.length === 1 ? `${names[0]} is ready.` : `${names.length} documents are ready.`;
}
