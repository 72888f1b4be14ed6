// The strictest policy that Next works with: it writes scripts into its pages, so that each answer has a nonce of its own.
import { NextResponse } from "next/server";

export function proxy(request) {
  // The development server evaluates code, and has a socket.
  if (process.env.NODE_ENV !== "production") return NextResponse.next();
  const nonce = crypto.randomUUID();
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'`,
    "worker-src 'self'",
    "connect-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join("; ");
  // Next takes the nonce from the request's policy.
  const headers = new Headers(request.headers);
  headers.set("Content-Security-Policy", policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("Content-Security-Policy", policy);
  return response;
}

export const config = { matcher: "/((?!_next/static/).*)" };
