// What becomes of each field of a request: the one table. What isn't in it is refused by name. test/types.ts holds it
// beside the field names of the `openai` package.

/**
 * `done`; of no effect on an answer, and taken from those who send it everywhere (`harmless`); or refused, with what to
 * do instead and the values that ask for nothing.
 */
export type Fate = "done" | "harmless" | { instead: string; nothing: readonly unknown[] };

const refused = (instead: string, ...nothing: unknown[]): Fate => ({ instead, nothing });

const BOTH = {
  frequency_penalty: "done",
  ignore_eos: "done",
  logit_bias: refused("", {}),
  logprobs: "done",
  max_tokens: "done",
  min_p: "done",
  model: "harmless",
  n: "done",
  presence_penalty: "done",
  repeat_last_n: "done",
  repeat_penalty: "done",
  repetition_penalty: "done",
  return_progress: "done",
  seed: "done",
  signal: "done",
  stop: "done",
  stream: "done",
  stream_options: "done",
  temperature: "done",
  top_k: "done",
  top_p: "done",
  user: "harmless",
} satisfies Record<string, Fate>;

const TOOLS =
  'Give them to the chat template by chat_template_kwargs: {tools}, if it reads them, or describe them in the system ' +
  "message; and read the calls from the text.";

/** Of `chat.completions.create`. */
export const CHAT = {
  ...BOTH,
  audio: refused("The engine writes text only."),
  chat_template: "done",
  chat_template_kwargs: "done",
  function_call: refused(TOOLS, "none", "auto"),
  functions: refused(TOOLS, []),
  max_completion_tokens: "done",
  messages: "done",
  metadata: "harmless",
  modalities: refused("The engine writes text only.", ["text"]),
  moderation: refused("Check messages and answers in the page."),
  parallel_tool_calls: "harmless",
  parse_special_in_content: "done",
  // It would make an answer faster, and not another one.
  prediction: "harmless",
  prompt_cache_key: "harmless",
  prompt_cache_options: "harmless",
  prompt_cache_retention: "harmless",
  reasoning_effort: refused(
    "Use what the model's chat template reads: chat_template_kwargs: {enable_thinking: false}, or {reasoning_effort}.",
  ),
  response_format: refused("Ask for JSON in the prompt and check what comes.", { type: "text" }),
  safety_identifier: "harmless",
  service_tier: refused("There is one device, and no line before it.", "auto", "default"),
  store: refused("Nothing is kept anywhere: keep the answer in the page.", false),
  tool_choice: refused(TOOLS, "none", "auto"),
  tools: refused(TOOLS, []),
  top_logprobs: "done",
  verbosity: refused("Ask for it in the prompt.", "medium"),
  web_search_options: refused("The engine asks no one: put what it should know into the messages."),
} satisfies Record<string, Fate>;

/** Of `completions.create`. */
export const COMPLETION = {
  ...BOTH,
  best_of: "done",
  echo: "done",
  prompt: "done",
  suffix: refused("The engine writes what comes after a prompt.", ""),
} satisfies Record<string, Fate>;

/** Of `embeddings.create`. */
export const EMBEDDING = {
  dimensions: "done",
  encoding_format: "done",
  input: "done",
  model: "harmless",
  prompt_name: "done",
  signal: "done",
  user: "harmless",
} satisfies Record<string, Fate>;

/** Of `stream_options`. */
export const STREAM_OPTIONS = {
  include_usage: "done",
  // It pads chunks against those who watch the network, and there is none.
  include_obfuscation: "harmless",
} satisfies Record<string, Fate>;

/** Of a message. Chat templates get any other field as it is: `reasoning_content`, and what a model's own reads. */
export const MESSAGE = {
  annotations: "harmless",
  audio: refused("The engine reads text only: put the words into content."),
  content: "done",
  function_call: refused("Send tool_calls."),
  name: "done",
  refusal: refused("Put the words into content."),
  role: "done",
  tool_call_id: "done",
  tool_calls: "done",
} satisfies Record<string, Fate>;

/** Of a part of a message's content. */
export const PART = {
  prompt_cache_breakpoint: "harmless",
  text: "done",
  type: "done",
} satisfies Record<string, Fate>;

/** Of the second argument of `create`. */
export const REQUEST_OPTIONS = {
  onPromptProgress: "done",
  signal: "done",
  timeout: refused("Use signal: AbortSignal.timeout(milliseconds)."),
} satisfies Record<string, Fate>;
