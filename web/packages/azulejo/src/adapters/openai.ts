// A `fetch` for the OpenAI SDK, answered by an engine instead of a server:
//   new OpenAI({ fetch: engineFetch(engine), baseURL: "https://azulejo.invalid/v1", apiKey: "-",
//     dangerouslyAllowBrowser: true })

import { AzulejoError, type ErrorCode, invalid } from "../errors.js";
import type { ChatRequest, CompletionRequest, EmbeddingRequest } from "../shapes.js";
import { readable, type Stream } from "../stream.js";
import type { Engine } from "../types.js";

/** HTTP statuses for errors: what the SDK makes its classes of. 4xx but 408, 409 and 429 are not tried again. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  unsupported: 400,
  context_full: 400,
  not_found: 404,
  cancelled: 499,
};

/** Takes the SDK's requests to `/chat/completions`, `/completions`, `/embeddings` and `/models`. */
export function engineFetch(engine: Engine): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    // The one of the second argument, else the first one's own.
    const { signal } = request;
    const path = new URL(request.url).pathname.replace(/\/+$/, "");
    try {
      if (path.endsWith("/chat/completions")) {
        const body = (await bodyOf(request)) as ChatRequest;
        return answer(await engine.chat.completions.create(body, { signal }), body.stream === true, signal);
      }
      if (path.endsWith("/completions")) {
        const body = (await bodyOf(request)) as CompletionRequest;
        return answer(await engine.completions.create(body, { signal }), body.stream === true, signal);
      }
      if (path.endsWith("/embeddings")) {
        const body = (await bodyOf(request)) as EmbeddingRequest;
        return Response.json(await engine.embeddings.create(body, { signal }));
      }
      const model = { id: engine.info.name, object: "model", created: 0, owned_by: "azulejo" };
      if (path.endsWith("/models")) return Response.json({ object: "list", data: [model] });
      if (path.includes("/models/")) return Response.json(model);
      throw new AzulejoError("not_found", `The engine has no ${path}.`,
        "There are /chat/completions, /completions, /embeddings and /models.");
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      const error = AzulejoError.from(thrown);
      const how = { status: STATUS[error.code] ?? 500, headers: { "x-should-retry": "false" } };
      return Response.json({ error: told(error) }, how);
    }
  };
}

async function bodyOf(request: Request): Promise<unknown> {
  const text = await request.text();
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`The request's body is no JSON: ${(error as Error).message}`, "Send the request as the OpenAI SDK does.");
  }
}

function told({ code, message, hint, parameters }: AzulejoError) {
  const param = typeof parameters.name === "string" ? parameters.name : null;
  return { message: hint ? `${message} ${hint}` : message, type: "azulejo_error", code, param };
}

function answer(value: object, stream: boolean, signal: AbortSignal): Response {
  if (!stream) return Response.json(value);
  const headers = { "content-type": "text/event-stream" };
  return new Response(readable(serverSentEvents(value as Stream<object>, signal)), { headers });
}

async function* serverSentEvents(
  stream: Stream<object>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const encoder = new TextEncoder();
  const line = (data: string) => encoder.encode(`data: ${data}\n\n`);
  try {
    for await (const chunk of stream) yield line(JSON.stringify(chunk));
    yield line("[DONE]");
  } catch (error) {
    // A body that its caller stopped ends as the browser's own does.
    if (signal.aborted) throw signal.reason;
    yield line(JSON.stringify({ error: told(AzulejoError.from(error)) }));
  }
}
