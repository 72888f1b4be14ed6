// A `fetch` for the OpenAI SDK, answered by an engine instead of a server:
//   new OpenAI({ fetch: engineFetch(engine), baseURL: "https://azulejo.invalid/v1", apiKey: "-",
//     dangerouslyAllowBrowser: true })

import { AzulejoError, type ErrorCode } from "../errors.js";
import type { ChatRequest, CompletionRequest } from "../shapes.js";
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

/** Takes the SDK's requests to `/chat/completions`, `/completions` and `/models`. */
export function engineFetch(engine: Engine): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const path = new URL(request.url).pathname.replace(/\/+$/, "");
    const signal = init?.signal ?? null;
    try {
      if (path.endsWith("/chat/completions")) {
        const body: ChatRequest = await request.json();
        return answer(await engine.chat.completions.create(body, { signal }), body.stream === true);
      }
      if (path.endsWith("/completions")) {
        const body: CompletionRequest = await request.json();
        return answer(await engine.completions.create(body, { signal }), body.stream === true);
      }
      const model = { id: engine.info.name, object: "model", created: 0, owned_by: "azulejo" };
      if (path.endsWith("/models")) return Response.json({ object: "list", data: [model] });
      if (path.includes("/models/")) return Response.json(model);
      throw new AzulejoError("not_found", `The engine has no ${path}.`,
        "There are /chat/completions, /completions and /models.");
    } catch (thrown) {
      if (signal?.aborted) throw new DOMException("The request was aborted.", "AbortError");
      const error = AzulejoError.from(thrown);
      const how = { status: STATUS[error.code] ?? 500, headers: { "x-should-retry": "false" } };
      return Response.json({ error: told(error) }, how);
    }
  };
}

function told({ code, message, hint }: AzulejoError) {
  return { message: hint ? `${message} ${hint}` : message, type: "azulejo_error", code, param: null };
}

function answer(value: object, stream: boolean): Response {
  if (!stream) return Response.json(value);
  const headers = { "content-type": "text/event-stream" };
  return new Response(readable(serverSentEvents(value as Stream<object>)), { headers });
}

async function* serverSentEvents(stream: Stream<object>): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const encoder = new TextEncoder();
  const line = (data: string) => encoder.encode(`data: ${data}\n\n`);
  try {
    for await (const chunk of stream) yield line(JSON.stringify(chunk));
    yield line("[DONE]");
  } catch (error) {
    yield line(JSON.stringify({ error: told(AzulejoError.from(error)) }));
  }
}
