import type { Place } from "./fetch.ts";
import type { OriginResponse } from "./origin.ts";
import type { Refusal } from "./refuse.ts";

/** What a worker is told of a place at a server: all but what it does with it. */
type Lent = Omit<Place, "settled" | "leave">;
type Told = { readonly place: Lent } | { readonly refusal: Refusal } | { readonly none: true };

/**
 * The keeper's answer to a worker that needs a place at a server for something that lasts: one line of
 * JSON, and then nothing for as long as the place is used. It is given back when the connection ends,
 * whatever ended it.
 */
export function lend(place: Place | Refusal | null, signal: AbortSignal): Response {
  if (place === null) return said({ none: true });
  if ("status" in place) return said({ refusal: place });
  const { settled: _, leave, ...lent } = place;
  let isLent = true;
  const back = () => {
    if (isLent) leave();
    isLent = false;
  };
  if (signal.aborted) back();
  else signal.addEventListener("abort", back);
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(lineOf({ place: lent })),
    cancel: back,
  });
  return new Response(body);
}

function said(told: Told): Response {
  return new Response(lineOf(told));
}

function lineOf(told: Told): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(told)}\n`);
}

/** What the keeper lent. Throws where it ends before it has said so. */
export async function borrow(
  answer: OriginResponse,
  settled: (id: string, said: { readonly ms: number | null; readonly well: boolean }) => void,
): Promise<Place | Refusal | null> {
  const decoder = new TextDecoder();
  const reader = answer.body?.getReader();
  let text = decoder.decode(answer.whole ?? new Uint8Array(0), { stream: true });
  while (reader !== undefined && !text.includes("\n")) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  const told = JSON.parse(text) as Told;
  if ("none" in told) return null;
  if ("refusal" in told) return told.refusal;
  const { place } = told;
  return {
    ...place,
    settled: (said) => settled(place.choice.id, said),
    leave: () => void reader?.cancel().catch(() => {}),
  };
}
