// Addresses that may make no sense; what `URL.parse` does in browsers of today.

export function parseUrl(address: string, base?: string): URL | null {
  try {
    return new URL(address, base);
  } catch {
    return null;
  }
}
