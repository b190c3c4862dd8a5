// Deleting one document: asked in a dialog, done without leaving the page.

export const deleted = new Set(); // documents, of whose jobs word may still be on its way
const dialog = document.getElementById("deleting");
const notice = document.getElementById("notice");

export function askAndDelete(link) {
  const row = link.closest("[data-document]");
  const name = row.querySelector(".name").textContent.trim();
  dialog.querySelector(".name").textContent = name;
  dialog.returnValue = "keep";
  dialog.addEventListener("close", function closed() {
    if (dialog.open) return; // word of the time before, which came late
    dialog.removeEventListener("close", closed);
    if (dialog.returnValue === "delete") remove(row.dataset.document, name);
  });
  dialog.showModal();
}

async function remove(id, name) {
  const reply = await fetch(`/api/documents/${id}`, { method: "DELETE" }).catch(() => null);
  if (!reply?.ok && reply?.status !== 404) {
    const told = await reply?.json().catch(() => null);
    notice.textContent = told
      ? `${told.error.message} ${told.error.remedy}`
      : "Tidemark did not answer: nothing was deleted.";
    return;
  }
  deleted.add(String(id));
  for (const row of document.querySelectorAll(`[data-document="${id}"]`)) row.remove();
  notice.textContent = `${name} was deleted.`;
  document.getElementById("undo")?.removeAttribute("hidden");
  document.getElementById("files").focus();
}
