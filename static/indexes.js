// How far builds are, as they go: the server renders, this only puts its cards in.
const PAUSE = 2000; // milliseconds between looks
const cards = () => document.getElementById("indexes");

async function look() {
  if (!cards()?.querySelector("[data-moving]")) return;
  const here = new URL(location.href);
  here.searchParams.delete("done");
  const reply = await fetch(here, { headers: { accept: "text/html" } }).catch(() => null);
  if (reply?.ok && !cards().contains(document.activeElement)) {
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const fresh = page.getElementById("indexes");
    if (!fresh) return; // the page for signing in
    cards().replaceWith(document.adoptNode(fresh));
  }
  setTimeout(look, PAUSE);
}

setTimeout(look, PAUSE);

// A comparison takes its time: say that it goes on, and begin only one.
document.addEventListener("submit", ({ submitter }) => {
  if (submitter?.value !== "compare") return;
  document.querySelector(".notice").textContent =
    "Both are asked the same questions. What came of it is shown here in a moment.";
  setTimeout(() => { submitter.disabled = true; }); // once the form is sent, with its value
  addEventListener("pageshow", () => { submitter.disabled = false; }, { once: true });
});
