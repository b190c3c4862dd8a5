// How far builds are, as they go: the server renders, this only puts its cards in.
const PAUSE = 2000; // milliseconds between looks
const cards = () => document.getElementById("indexes");

async function look() {
  if (!cards().querySelector("[data-building]")) return;
  const here = new URL(location.href);
  here.searchParams.delete("done");
  const reply = await fetch(here, { headers: { accept: "text/html" } }).catch(() => null);
  if (reply?.ok && !cards().contains(document.activeElement)) {
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    cards().replaceWith(document.adoptNode(page.getElementById("indexes")));
  }
  setTimeout(look, PAUSE);
}

setTimeout(look, PAUSE);
