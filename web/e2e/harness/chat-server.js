// A server of OpenAI's API with a model of a few sentences, which can be told to fail in every way.

/**
 * Answers `/v1` of a site's server; what is returned says how: `status`, `cut` (the stream ends after
 * the first sentence and a word), `odd` (what it answers is no JSON), `hold` (a promise that it waits for at the same place),
 * `sentences`, and `asked`, the requests so far.
 */
export function serveModel(server, sentences) {
  const how = { status: 200, cut: false, odd: false, hold: null, sentences, asked: [] };
  const fail = (response, headers) => response.writeHead(how.status, { ...headers, "content-type": "application/json" }).end('{"error":{"message":"no"}}');
  server.handle("/v1/models", (_request, response, headers) => {
    if (how.status !== 200) return fail(response, headers);
    if (how.odd) return response.writeHead(200, headers).end("<html>");
    response.writeHead(200, { ...headers, "content-type": "application/json" });
    response.end(JSON.stringify({ data: [{ id: "town", max_model_len: 4096 }] }));
  });
  server.handle("/v1/chat/completions", async (request, response, headers) => {
    let body = "";
    for await (const part of request) body += part;
    how.asked.push(JSON.parse(body));
    if (how.status !== 200) return fail(response, headers);
    response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
    const send = (content, finish_reason = null) =>
      new Promise((done) => response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`, done));
    const middle = how.sentences[0].split(" ").length;
    for (const [index, word] of how.sentences.join(" ").split(/(?<= )/).entries()) {
      await send(word);
      if (index === middle && how.hold) await how.hold;
      if (index === middle && how.cut) return response.destroy();
    }
    await send("", "stop");
    response.end("data: [DONE]\n\n");
  });
  return how;
}
