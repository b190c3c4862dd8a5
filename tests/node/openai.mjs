// openai-node against /v1: what it makes of each reply, as JSON.
import OpenAI from "openai";

const [baseURL, embedding, chat] = process.argv.slice(2);
const texts = ["The tide turns at noon.", "Seals sleep on the sandbank."];
const messages = [{ role: "user", content: "When does the tide turn?" }];
const client = new OpenAI({ baseURL, apiKey: "any", maxRetries: 0 });

// Asks for base64, and decodes it without looking.
const decoded = await client.embeddings.create({ model: embedding, input: texts });
const float = await client.embeddings.create({
  model: embedding,
  input: texts,
  encoding_format: "float",
});
const models = [];
for await (const model of client.models.list()) models.push(model.id);
const whole = await client.chat.completions.create({ model: chat, messages });
let streamed = "";
let usage = null;
for await (const chunk of await client.chat.completions.create({
  model: chat,
  messages,
  stream: true,
  stream_options: { include_usage: true },
})) {
  streamed += chunk.choices[0]?.delta.content ?? "";
  usage = chunk.usage ?? usage;
}
const response = await client.responses.create({ model: chat, input: messages[0].content });
const error = await client.embeddings
  .create({ model: "none", input: "tide" })
  .catch((refused) => refused);
console.log(
  JSON.stringify({
    decoded: decoded.data.map((each) => each.embedding),
    float: float.data.map((each) => each.embedding),
    models,
    whole: whole.choices[0].message.content,
    annotation: whole.choices[0].message.annotations[0].url_citation.title,
    streamed,
    usage,
    response: response.output_text,
    error: { kind: error.constructor.name, code: error.code, id: error.requestID },
  }),
);
