import { connection } from "next/server";
import Link from "next/link";

export default async function About() {
  await connection();
  return (
    <>
      <h1>About</h1>
      <p>Whoever comes here has left the chat, and its engine is gone.</p>
      <Link id="chat" href="/">To the chat</Link>
    </>
  );
}
