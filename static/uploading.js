// Files to the API, two at a time: XMLHttpRequest, because fetch does not tell how much was sent.
import { catchUp } from "./progress.js";
import { buttons, fail, newRow, remove, show, size, state } from "./rows.js";

const AT_ONCE = 2;
const waiting = [];
let sending = 0;

export function upload(base, files, tags = []) {
  for (const file of files) {
    const row = newRow(file.name, file.size);
    state(row, "waiting to be sent");
    waiting.push({ base, file, row, tags });
  }
  while (sending < AT_ONCE && waiting.length) next();
}

function next() {
  const one = waiting.shift();
  if (!one) return;
  sending += 1;
  const request = new XMLHttpRequest();
  const form = new FormData();
  form.append("files", one.file, one.file.name);
  for (const tag of one.tags) form.append("tags", tag);
  request.open("POST", `/api/knowledge-bases/${encodeURIComponent(one.base)}/documents`);
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    const figure = `${size(event.loaded)} of ${size(event.total)}`;
    state(one.row, "being sent", event.loaded, event.total, figure);
  });
  request.addEventListener("load", () => outcome(one.row, request.response));
  request.addEventListener("error", () =>
    fail(one.row, "not sent", {
      message: "Tidemark did not answer.",
      remedy: "Check that it runs, and upload the file again.",
    }),
  );
  request.addEventListener("loadend", () => {
    sending -= 1;
    next();
  });
  request.send(form);
}

function outcome(row, reply) {
  const file = reply?.files?.[0];
  const error = file?.error ?? reply?.error;
  if (error || !file) {
    fail(row, "not taken in", error ?? { message: "The reply could not be read.", remedy: "Try again." });
  } else if (file.status === "unchanged") {
    state(row, "here already, same bytes");
    row.querySelector("progress").remove();
    row.querySelector(".figure").remove();
    buttons(row, "unsent");
  } else {
    const known = document.querySelector(`.uploads [data-job="${file.job_id}"]`);
    if (known && known !== row) remove(known);
    show(row, { id: file.job_id, document_id: file.document_id, state: "ready", stage: "waiting", done: 0, total: 0 });
    catchUp(file.job_id);
  }
}
