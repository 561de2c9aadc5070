import { RCODE } from "./codes.ts";
import type { Message } from "./message.ts";

/** The addresses of a type (A or AAAA) in an answer, each once, whatever aliases the resolver followed. */
export function addressesIn({ rcode, answers }: Message, type: number): string[] {
  if (rcode !== RCODE.NOERROR) return [];
  const addresses = answers.flatMap((record) => {
    return record.type === type && record.data.kind === "address" ? [record.data.address] : [];
  });
  return [...new Set(addresses)];
}
