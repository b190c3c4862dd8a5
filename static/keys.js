// The keys that every page knows, and the list of them. Letters typed into a field are letters.

const list = document.getElementById("keys");
const button = document.getElementById("show-keys");

for (const part of document.querySelectorAll(".scripted, .scripted > button")) part.hidden = false;
button?.addEventListener("click", () => list.showModal());

export const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "/") {
    const field = document.querySelector("#q, #name");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  } else if (event.key === "?" && !list.open) {
    event.preventDefault();
    list.showModal();
  }
});
