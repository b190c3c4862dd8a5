// The rows of what is on its way: one a file, from its first byte to its last chunk.

const list = document.querySelector(".uploads");
const section = document.getElementById("uploads");
const template = document.getElementById("upload-row");
const STAGES = { waiting: "waiting", parsing: "reading the text", embedding: "embedding", done: "done" };

export function size(octets) {
  if (octets < 1000) return `${octets} ${octets === 1 ? "byte" : "bytes"}`;
  let amount = octets / 1000;
  let unit = 0;
  while (amount >= 999.5 && unit < 3) {
    amount /= 1000;
    unit += 1;
  }
  return `${amount < 9.95 ? amount.toFixed(1) : Math.round(amount)} ${["kB", "MB", "GB", "TB"][unit]}`;
}

export const rowOf = (job) => list.querySelector(`[data-job="${job}"]`);

export function newRow(name, octets) {
  const row = template.content.cloneNode(true).querySelector("li");
  row.querySelector(".name").textContent = name;
  row.querySelector(".size").textContent = size(octets);
  row.querySelector(".away").addEventListener("click", () => remove(row));
  list.prepend(row);
  section.hidden = false;
  buttons(row, "sending");
  return row;
}

export function remove(row) {
  row.remove();
  section.hidden = list.children.length === 0;
}

export function state(row, words, value = null, of = null, figure = "") {
  row.querySelector(".state").textContent = words;
  const bar = row.querySelector("progress");
  if (bar) {
    bar.max = of || 1;
    bar.value = value || 0;
  }
  const shown = row.querySelector(".figure");
  if (shown) shown.textContent = figure;
}

export function fail(row, words, error, documentId = null) {
  state(row, words);
  row.classList.add("failed");
  row.querySelector("progress")?.remove();
  row.querySelector(".figure")?.remove();
  let reason = row.querySelector(".reason");
  if (!reason) {
    reason = template.content.querySelector(".reason").cloneNode(true);
    row.append(reason);
  }
  reason.hidden = false;
  reason.querySelector("strong").textContent = error.message;
  reason.querySelector("span").textContent = error.remedy;
  buttons(row, documentId === null ? "unsent" : "failed", documentId);
}

// Which buttons a row has follows from its job's state; a file that was not taken in has no job.
const BUTTONS = {
  ready: ["pause", "cancel"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  cancelled: ["retry", "delete"],
  failed: ["retry", "delete"],
  unsent: ["away"],
};

export function buttons(row, state, documentId = null) {
  let actions = row.querySelector(".actions");
  if (!actions) {
    actions = template.content.querySelector(".actions").cloneNode(true);
    row.append(actions);
  }
  const shown = BUTTONS[state] ?? [];
  for (const each of actions.querySelectorAll("button, a")) {
    each.hidden = !shown.some((name) => each.classList.contains(name));
  }
  actions.querySelector("[name=job]").value = row.dataset.job ?? "";
  if (documentId !== null) actions.querySelector(".delete").href = `/documents/delete?document=${documentId}`;
}

export function show(row, job) {
  row.dataset.job = job.id;
  row.dataset.document = job.document_id;
  row.classList.toggle("failed", job.state === "failed");
  buttons(row, job.state, job.document_id);
  const reason = row.querySelector(".reason");
  if (reason && !job.error) reason.hidden = true;
  if (job.state === "failed") {
    fail(row, "failed", job.error ?? { message: "It failed.", remedy: "" }, job.document_id);
  } else if (job.state === "paused" || job.state === "cancelled") {
    state(row, job.state, job.done, job.total);
  } else if (job.state === "ready" && job.error) {
    state(row, "waiting to try again", job.done, job.total);
  } else {
    const figure = job.total ? `${job.done} of ${job.total} chunks` : "";
    state(row, STAGES[job.stage] ?? job.stage, job.done, job.total, figure);
  }
}
