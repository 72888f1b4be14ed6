// A page's code with the SDKs that azulejo has adapters for; the tests bundle it.
import { streamText as streamText6 } from "ai";
import { generateText, streamText } from "ai-7";
import { createEngine } from "azulejo";
import { azulejo, azulejoV3 } from "azulejo/ai-sdk";
import { engineFetch } from "azulejo/openai";
import { languageModel } from "azulejo/prompt-api";
import OpenAI from "openai";

window.e2e = {
  createEngine,
  languageModel,
  ai: { azulejo, azulejoV3, generateText, streamText, streamText6 },
  openai: (engine) =>
    new OpenAI({
      fetch: engineFetch(engine),
      baseURL: "https://azulejo.invalid/v1",
      apiKey: "-",
      dangerouslyAllowBrowser: true,
    }),
};
