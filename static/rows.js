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
  let actions = row.querySelector(".actions");
  if (!actions) {
    actions = template.content.querySelector(".actions").cloneNode(true);
    row.append(actions);
  }
  actions.hidden = false;
  const link = actions.querySelector(".delete");
  link.hidden = documentId === null;
  if (documentId !== null) link.href = `/documents/delete?document=${documentId}`;
  const away = actions.querySelector(".away");
  if (away) away.hidden = documentId !== null;
}

export function show(row, job) {
  row.dataset.job = job.id;
  row.dataset.document = job.document_id;
  if (job.state === "failed") {
    fail(row, "failed", job.error ?? { message: "It failed.", remedy: "" }, job.document_id);
  } else if (job.state === "ready" && job.error) {
    state(row, "waiting to try again", job.done, job.total);
  } else {
    const figure = job.total ? `${job.done} of ${job.total} chunks` : "";
    state(row, STAGES[job.stage] ?? job.stage, job.done, job.total, figure);
  }
}
