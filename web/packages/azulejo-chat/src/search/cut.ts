// The beginning of a passage, where there is no room for all of it.

/** At most so many characters, whole words of them. */
export function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const end = text.lastIndexOf(" ", longest);
  return `${text.slice(0, end > 0 ? end : longest)}…`;
}
