/** A text in which the words that were searched for are marked. */
import { wordsOf } from "../stored-search.ts";

/** Each word from where it begins: a search finds what begins with it too. */
export function MarkedText({ text, query }: { text: string; query: string }) {
  const words = wordsOf(query).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (words.length === 0) return <>{text}</>;
  const hits = new RegExp(`(?<![\\p{L}\\p{N}])(${words.join("|")})`, "giu");
  // Splitting at a group leaves what matched at every second place.
  return <>{text.split(hits).map((part, place) => (place % 2 === 1 ? <mark key={place}>{part}</mark> : part))}</>;
}
