// The Vercel AI SDK against /v1: what it makes of each reply, as JSON.
import { createOpenAI } from "@ai-sdk/openai";
import { cosineSimilarity, embed, embedMany, generateText, streamText } from "ai";

const [baseURL, embedding, chat] = process.argv.slice(2);
const provider = createOpenAI({ baseURL, apiKey: "any" });
const model = provider.embedding(embedding);
const prompt = "When does the tide turn?";
const values = ["The tide turns at noon.", "Seals sleep on the sandbank."];

const one = await embed({ model, value: values[0], maxRetries: 0 });
const many = await embedMany({ model, values, maxRetries: 0 });
// Its calls go side by side, in parts of 2048, and are put together in the order of the parts.
const lots = await embedMany({
  model,
  values: Array.from({ length: 2100 }, (_, number) => `${number}`),
  maxRetries: 0,
});
const last = await embed({ model, value: "2099", maxRetries: 0 });
const completion = await generateText({ model: provider.chat(chat), prompt, maxRetries: 0 });
const response = await generateText({ model: provider(chat), prompt, maxRetries: 0 });
const stream = streamText({ model: provider.chat(chat), prompt, maxRetries: 0 });
let streamed = "";
for await (const part of stream.textStream) streamed += part;
const error = await embed({ model: provider.embedding("none"), value: "tide", maxRetries: 0 }).catch(
  (refused) => refused,
);
console.log(
  JSON.stringify({
    one: one.embedding,
    many: many.embeddings,
    tokens: many.usage.tokens,
    lots: lots.embeddings.length,
    sameAtTheEnd: cosineSimilarity(lots.embeddings[2099], last.embedding),
    completion: completion.text,
    response: response.text,
    sources: response.sources.map((source) => source.title),
    streamed,
    usage: await stream.usage,
    error: error.message,
  }),
);
