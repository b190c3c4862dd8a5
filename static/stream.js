// Requests to the API, and server-sent events as an async iterator of { name, data }.

export class Refused extends Error {
  constructor(error) {
    super(error.message);
    this.remedy = error.remedy;
  }
}

const silent = { message: "Tidemark did not answer.", remedy: "Check that it runs, and ask again." };

// A request to the API, with its reply as data.
export async function send(address, method, body) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  let reply;
  try {
    reply = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(silent);
  }
  await refuse(reply);
  return reply.status === 204 ? null : reply.json();
}

// The events at an address; ends without a word when the connection does.
export async function* listen(address, signal) {
  const reply = await fetch(address, { headers: { accept: "text/event-stream" }, signal });
  await refuse(reply);
  yield* events(reply.body.pipeThrough(new TextDecoderStream()).getReader());
}

async function refuse(reply) {
  if (reply.ok) return;
  const told = await reply.json().catch(() => null);
  throw new Refused(told?.error ?? { message: `The reply had status ${reply.status}.`, remedy: "Ask again." });
}

async function* events(reader) {
  let pending = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    pending += value;
    const parts = pending.split(/\r?\n\r?\n/);
    pending = parts.pop();
    for (const part of parts) {
      const event = parsed(part);
      if (event) yield event;
    }
  }
}

function parsed(part) {
  let name = "message";
  const data = [];
  for (const line of part.split(/\r?\n/)) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}
