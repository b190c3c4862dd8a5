// The page calls `embeddings.create`, which the AI SDK does not have: `embed` is how it is done.
import { createOpenAI } from "@ai-sdk/openai";
import { embed } from "ai";

const langdockProvider = createOpenAI({
  baseURL: "https://api.langdock.com/openai/eu/v1",
  apiKey: "<YOUR_LANGDOCK_API_KEY>",
});

const response = await embed({
  model: langdockProvider.embedding("text-embedding-ada-002"),
  value: "The quick brown fox jumps over the lazy dog",
});

console.log(response.embedding);
