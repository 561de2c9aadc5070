import type { Responder } from "./hot/answer.ts";
import type { Report } from "./worker-messages.ts";

/** What a responder counted and wrote down since the last call. */
export function reportOf(responder: Responder): Report {
  const { failures } = responder;
  responder.failures = 0;
  return {
    counts: responder.drain(),
    tally: responder.tally.take(),
    samples: responder.takeSamples(),
    failures,
  };
}
