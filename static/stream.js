// A POST whose reply is server-sent events: an async iterator of { name, data }.

export class Refused extends Error {
  constructor(error) {
    super(error.message);
    this.remedy = error.remedy;
  }
}

export async function* post(address, body, signal) {
  let reply;
  try {
    reply = await fetch(address, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    throw new Refused({ message: "Tidemark did not answer.", remedy: "Check that it runs, and ask again." });
  }
  if (!reply.ok) {
    const told = await reply.json().catch(() => null);
    throw new Refused(told?.error ?? { message: `The reply had status ${reply.status}.`, remedy: "Ask again." });
  }
  yield* events(reply.body.pipeThrough(new TextDecoderStream()).getReader());
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
