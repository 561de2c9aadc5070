import type { Log } from "../base/log.ts";
import type { Bus } from "../bus/bus.ts";
import type { WhyAsk, WhyHere } from "../model/why.ts";

/** Tells whoever asks over the bus what this cache would do with a request. Gives the end of it. */
export function answerWhy(o: {
  readonly node: string;
  readonly bus: Bus;
  readonly log: Log;
  readonly why: (request: Request, client: string) => Promise<WhyHere | null>;
}): () => void {
  return o.bus.subscribe("why.ask", (ask) => {
    const { id } = ask;
    tell(o.why, ask)
      .then((told) => o.bus.publish("why.told", { id, node: o.node, told }))
      .catch((fault: unknown) => o.log.error("A request cannot be explained", { fault }));
  });
}

async function tell(
  why: (request: Request, client: string) => Promise<WhyHere | null>,
  { url, method, fields, client }: WhyAsk,
): Promise<WhyHere | null> {
  const at = URL.parse(url);
  if (at === null) return null;
  return why(new Request(url, { method, headers: { ...fields, host: at.host } }), client);
}
