import { Fault } from "../../base/fault.ts";
import { loadOfObject } from "../../wire/probe/mod.ts";
import type { Deps } from "../deps.ts";
import { type Throttle, tooMany } from "../throttle.ts";

export interface LoadOrder {
  readonly customer: string;
  readonly hostname: string;
  readonly name: string;
  readonly current: number;
  readonly target?: number | undefined;
  readonly maximum?: number | undefined;
  readonly ttlSec: number;
}

/**
 * Tells the judges what a server's owner says of its load. Nothing is stored: it counts until
 * `ttlSec` is over.
 *
 * @throws Fault `not-found` for a server that is not published; `too-many-requests`
 */
export function reportLoad(
  deps: Deps,
  throttle: Throttle,
  o: LoadOrder,
): { load: number; untilMs: number } {
  const snapshot = deps.feed.snapshot();
  const site = snapshot?.sites.find((one) => one.hostname === o.hostname);
  const id = `${o.hostname}/${o.name}`;
  const known = snapshot?.origins.some((one) => one.id === id) === true;
  if (site?.customer !== o.customer || !known) throw new Fault("not-found", id);
  const wait = throttle.take(o.customer);
  if (wait > 0) throw tooMany(wait);
  const { current, target = null, maximum = null, ttlSec } = o;
  const { kind, load, detail } = loadOfObject({ current, target, maximum });
  const atMs = deps.clock.wallMs();
  const loads = [{ kind, load, detail: `pushed: ${detail}` }];
  deps.bus.publish("load.told", { target: id, atMs, ttlSec, loads });
  return { load, untilMs: atMs + ttlSec * 1000 };
}
