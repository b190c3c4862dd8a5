// What embedding files would cost, asked before any of them is taken in.

const dialog = document.getElementById("paying");
const numbers = new Intl.NumberFormat("en");

function dollars(cost) {
  if (cost > 0 && cost < 0.0001) return "under $0.0001";
  return `$${cost < 0.1 ? cost.toFixed(4) : cost.toFixed(2)}`;
}

export async function agreed(base, files) {
  const cost = dialog.querySelector(".cost");
  const go = dialog.querySelector("button.main");
  cost.textContent = "The files are read and counted. Nothing is embedded yet.";
  go.disabled = true;
  dialog.returnValue = "leave";
  const answered = new Promise((resolve) => {
    dialog.addEventListener("close", function closed() {
      if (dialog.open) return; // word of the time before, which came late
      dialog.removeEventListener("close", closed);
      resolve(dialog.returnValue === "upload");
    });
  });
  dialog.showModal();
  cost.textContent = await estimate(base, files);
  go.disabled = false;
  return answered;
}

async function estimate(base, files) {
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name);
  const there = `/api/knowledge-bases/${encodeURIComponent(base)}/documents/estimate`;
  const reply = await fetch(there, { method: "POST", body: form }).catch(() => null);
  const told = await reply?.json().catch(() => null);
  if (!reply?.ok || !told) return `What it would cost could not be told. ${told?.error?.message ?? ""}`;
  const count = `${numbers.format(told.files)} ${told.files === 1 ? "file" : "files"}`;
  const price = told.cost === null ? "at an unknown price" : `for at most ${dollars(told.cost)}`;
  let said = `${count} with ${numbers.format(told.tokens)} tokens would be embedded by ${told.model}, ${price}.`;
  if (told.unchanged) said += ` ${numbers.format(told.unchanged)} unchanged.`;
  if (told.unreadable) said += ` ${numbers.format(told.unreadable)} cannot be read.`;
  return told.suffices ? said : `${said} Today's budget does not suffice.`;
}
