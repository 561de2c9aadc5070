import type { ChallengeKind } from "../../model/acme.ts";
import {
  type Authorization,
  type CaChallenge,
  keyAuthorization,
  type Order,
} from "../../wire/acme/mod.ts";
import { requestFor } from "./account-key.ts";
import { CaFault } from "./ca-fault.ts";
import type { CaClient, Read } from "./client.ts";
import type { Way } from "./way.ts";

/** An order that takes more looks than this, some minutes, has failed. */
const LOOKS_MAX = 60;
const LOOK_MS_MIN = 100;
const LOOK_MS_FIRST = 500;
const LOOK_MS_MAX = 10_000;
const AFTER_MS_MAX = 60_000;

/** What shows that a name is ours, until it is withdrawn. */
export interface Shown {
  readonly host: string;
  readonly customer: string;
  /** The name of the TXT record, where it is one. */
  readonly record: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** How one kind of challenge is shown to the authority. */
export interface Challenger {
  /** Resolves when it can be seen wherever the authority may look. @throws Fault where it cannot */
  present(shown: Shown): Promise<void>;
  withdraw(shown: Shown): Promise<void>;
}

export interface IssueParts {
  readonly client: CaClient;
  readonly thumbprint: string;
  readonly challengers: Readonly<Record<ChallengeKind, Challenger>>;
  /** @throws when all is to stop: the order is continued at the next start */
  readonly wait: (ms: number) => Promise<void>;
  /** Writes down what is being done, before it is. @throws when the name is not wanted any more */
  readonly note: (step: string) => void;
}

export interface IssueOrder {
  readonly host: string;
  readonly customer: string;
  readonly way: Way;
  /** The authority's order, and the key of the certificate to be (PEM). */
  readonly orderUrl: string;
  readonly key: string;
}

/**
 * Takes an order to its end, from wherever it stands (RFC 8555 7.1.6):
 *
 *   pending     each authorization: show the challenge, say so, look until the authority has
 *   ready       send the request for the certificate
 *   processing  look again
 *   valid       fetch the certificate
 *   invalid     failed, with the authority's words
 *
 * @returns PEM: the certificate and those that lead to its authority
 * @throws CaFault, or what a challenger throws
 */
export async function finishOrder(of: IssueOrder, parts: IssueParts): Promise<string> {
  const { client, note } = parts;
  let { value: order, afterMs }: Read<Order> = await client.order(of.orderUrl);
  for (let look = 0; look < LOOKS_MAX; look++) {
    if (!isFor(order, of.host)) throw new CaFault("ca-broken", "an order for another name");
    if (order.status === "valid") {
      note("fetching the certificate");
      if (order.certificate === undefined) throw new CaFault("ca-broken", "no certificate's URL");
      return client.certificate(order.certificate);
    }
    if (order.status === "invalid") {
      throw CaFault.refused(order.error ?? { type: "", detail: "the order is invalid" });
    }
    if (order.status === "ready") {
      note("sending the request for the certificate");
      ({ value: order, afterMs } = await client.finalize(
        order.finalize,
        requestFor(of.host, of.key),
      ));
      continue;
    }
    if (order.status === "pending") {
      for (const url of order.authorizations) await authorize(url, of, parts);
    } else {
      note("waiting for the authority to issue it");
      await parts.wait(pauseMs(look, afterMs));
    }
    ({ value: order, afterMs } = await client.order(of.orderUrl));
  }
  throw new CaFault("ca-unreachable", `the order was still ${order.status} after minutes`);
}

async function authorize(url: string, of: IssueOrder, parts: IssueParts): Promise<void> {
  const { client, note, thumbprint, challengers } = parts;
  const { value: first } = await client.authorization(url);
  if (first.identifier.value.toLowerCase() !== of.host) {
    throw new CaFault("ca-broken", "an authorization for another name");
  }
  if (first.status === "valid") return;
  const challenge = first.challenges.find(({ type }) => type === of.way.challenge);
  const { token } = challenge ?? {};
  if (challenge === undefined || token === undefined) {
    throw new CaFault("ca-refused", `it offers no ${of.way.challenge} for ${of.host}`);
  }
  const shown: Shown = {
    ...{ host: of.host, customer: of.customer, record: of.way.record, token },
    keyAuthorization: keyAuthorization(token, thumbprint),
  };
  const challenger = challengers[of.way.challenge];
  try {
    note(of.way.challenge === "dns-01" ? "telling the name servers" : "telling the caches");
    await challenger.present(shown);
    note("waiting for the authority to look");
    const afterMs = challenge.status === "pending" ? await client.respond(challenge.url) : null;
    await untilValid(url, { value: first, afterMs }, parts);
  } finally {
    await challenger.withdraw(shown);
  }
}

async function untilValid(
  url: string,
  first: Read<Authorization>,
  parts: IssueParts,
): Promise<void> {
  let { value: now, afterMs } = first;
  for (let look = 0; look < LOOKS_MAX; look++) {
    if (now.status === "valid") return;
    if (now.status !== "pending") throw refusalOf(now);
    await parts.wait(pauseMs(look, afterMs));
    ({ value: now, afterMs } = await parts.client.authorization(url));
  }
  throw new CaFault("ca-unreachable", "the authority had not looked after minutes");
}

function refusalOf({ status, challenges }: Authorization): CaFault {
  const error = challenges.map((one: CaChallenge) => one.error).find((one) => one !== undefined);
  return CaFault.refused(error ?? { type: "", detail: `the authorization is ${status}` });
}

function isFor({ identifiers }: Order, host: string): boolean {
  return identifiers.length === 1 && identifiers[0]?.value.toLowerCase() === host;
}

function pauseMs(look: number, afterMs: number | null): number {
  if (afterMs !== null) return Math.min(Math.max(afterMs, LOOK_MS_MIN), AFTER_MS_MAX);
  return Math.min(LOOK_MS_FIRST * 1.5 ** look, LOOK_MS_MAX);
}
