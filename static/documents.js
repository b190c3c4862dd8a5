// Uploads by drop or picker, their progress as it happens, and deletions without leaving the page.
import { askAndDelete } from "./deleting.js";
import { follow } from "./progress.js";
import { agreed } from "./paying.js";
import { upload } from "./uploading.js";

const form = document.getElementById("upload");
const base = form.dataset.base;
const picker = document.getElementById("files");
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
const tags = () => document.getElementById("upload-tags").value.split(",").filter((tag) => tag.trim());
let depth = 0;

async function send(files) {
  if (!("paid" in form.dataset) || (await agreed(base, files))) upload(base, files, tags());
}

picker.addEventListener("change", () => {
  send([...picker.files]);
  picker.value = "";
});
document.getElementById("upload-button").hidden = true;
document.getElementById("estimate-button")?.setAttribute("hidden", "");

document.addEventListener("dragenter", (event) => {
  if (!hasFiles(event)) return;
  depth += 1;
  document.body.classList.add("dragging");
});
document.addEventListener("dragleave", (event) => {
  if (!hasFiles(event)) return;
  depth = Math.max(0, depth - 1);
  document.body.classList.toggle("dragging", depth > 0);
});
document.addEventListener("dragover", (event) => {
  if (hasFiles(event)) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  depth = 0;
  document.body.classList.remove("dragging");
  send([...event.dataTransfer.files]);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.delete");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  askAndDelete(link);
});

follow(base);
