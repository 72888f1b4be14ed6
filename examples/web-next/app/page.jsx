// The server renders this page, with the package imported; the engine starts in the browser, by the hook's effect.
import { connection } from "next/server";

import Chat from "./chat.jsx";

export default async function Page() {
  // A page with a nonce is made for each request.
  await connection();
  return (
    <>
      <h1>azulejo with Next</h1>
      <p>The answers are made here, in your browser. The model is a small demonstration, and knows simple questions about public services.</p>
      <Chat />
    </>
  );
}
