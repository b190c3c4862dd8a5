// Results by keyboard: arrows move, Enter opens (it is a link), `e` explains, `a` asks.
import { typing } from "./keys.js";

const links = [...document.querySelectorAll(".result h2 a")];
const field = document.getElementById("q");

function move(step) {
  const here = links.indexOf(document.activeElement.closest(".result")?.querySelector("h2 a"));
  const next = here + step;
  if (next < 0) field.focus();
  else links[Math.min(next, links.length - 1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const fromField = event.target === field;
  if (typing(event.target) && !fromField) return;
  if (event.key === "ArrowDown" && links.length) {
    event.preventDefault();
    move(1);
  } else if (event.key === "ArrowUp" && links.length && !fromField) {
    event.preventDefault();
    move(-1);
  } else if (fromField) {
    return;
  } else if (event.key === "e") {
    const why = event.target.closest(".result")?.querySelector("details");
    if (why) why.open = !why.open;
  } else if (event.key === "a") {
    document.getElementById("ask")?.click();
  }
});
