// How far the queue of addresses is, as it happens: the server is asked for the list where it changed.
const notice = document.getElementById("notice");
let changed = queue().dataset.changed;
let asking = false;

function queue() {
  return document.getElementById("queue");
}

async function refresh() {
  if (asking) return;
  asking = true;
  const wanted = changed;
  // The list that is shown, even where the page began with another because nothing was in that.
  const reply = await fetch(queue().dataset.here, { headers: { accept: "text/html" } }).catch(() => null);
  asking = false;
  if (!reply?.ok) return;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const fresh = page.getElementById("queue");
  if (!fresh) return; // the page for signing in
  const focused = queue().contains(document.activeElement) ? document.activeElement.textContent : null;
  queue().replaceWith(document.adoptNode(fresh));
  if (focused !== null) same(focused)?.focus();
  if (changed !== wanted) refresh();
}

// Buttons say how many there are: what stands after the number is what tells them apart.
function same(words) {
  const plain = (text) => text.replace(/[0-9]+/g, "").trim();
  return [...queue().querySelectorAll("a, button")].find((one) => plain(one.textContent) === plain(words));
}

function take(event) {
  const { addresses } = JSON.parse(event.data);
  if (!addresses || addresses.changed_at === null) return;
  if (Date.parse(addresses.changed_at) === Date.parse(changed)) return;
  changed = addresses.changed_at;
  notice.textContent = addresses.waiting ? "" : "Nothing waits to be fetched any more.";
  refresh();
}

const events = new EventSource(`/api/knowledge-bases/${encodeURIComponent(queue().dataset.base)}/events`);
for (const name of ["snapshot", "changes"]) events.addEventListener(name, take);
events.addEventListener("error", () => {
  if (events.readyState === EventSource.CLOSED) {
    notice.textContent = "What happens is not shown here any more. Load the page again.";
  }
});
