import type { Clock } from "../base/clock.ts";
import type { Rng } from "../base/rng.ts";
import type { CheckReport } from "../model/messages.ts";
import { type AddressRules, vetAddress } from "../wire/ip/mod.ts";
import type { ExporterReading } from "../wire/probe/mod.ts";
import { checkDns } from "./checks/dns.ts";
import { checkExporter } from "./checks/exporter.ts";
import { checkFtp } from "./checks/ftp.ts";
import { checkHttp } from "./checks/http.ts";
import { checkHttp2 } from "./checks/http2.ts";
import { checkIcmp } from "./checks/icmp.ts";
import { checkLoadObject } from "./checks/load-object.ts";
import { type CheckOutcome, failed } from "./checks/outcome.ts";
import { resolveHost } from "./checks/resolve.ts";
import { checkSnmp, SnmpMemory } from "./checks/snmp.ts";
import { checkTcp } from "./checks/tcp.ts";
import { checkTls } from "./checks/tls.ts";
import { type CheckPlan, hostOf, type Target } from "./plan.ts";

export interface CheckContext {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly rules: AddressRules;
  readonly signal: AbortSignal;
}

type ExporterPlan = Extract<CheckPlan, { kind: "exporter" }>;
type SnmpPlan = Extract<CheckPlan, { kind: "snmp" }>;

/** Runs one planned check again and again; remembers what the next scrape is compared with. */
export class CheckRunner {
  readonly #target: Target;
  readonly #plan: CheckPlan;
  #previous: ExporterReading | null = null;
  #snmp: SnmpMemory | null = null;

  constructor(target: Target, plan: CheckPlan) {
    this.#target = target;
    this.#plan = plan;
  }

  /** Never rejects, and is over soon after the target's timeout. */
  async run(context: CheckContext): Promise<CheckReport> {
    const plan = this.#plan;
    const timeoutMs = this.#target.timeoutMs;
    const host = hostOf(plan);
    const startMs = context.clock.monoMs();
    const address = await resolveHost(host, timeoutMs);
    const named = address !== null && address !== host.replace(/^\[|\]$/g, "");
    const resolved = named ? { resolveMs: context.clock.monoMs() - startMs } : {};
    let outcome: CheckOutcome;
    if (address === null) outcome = failed("unknown host");
    else if (this.#forbidden(address, context.rules)) outcome = failed("address not allowed");
    else if (plan.kind === "exporter") outcome = await this.#scrape(plan, address, context);
    else if (plan.kind === "snmp") outcome = await this.#askSnmp(plan, address, context);
    else if (plan.kind === "load") {
      outcome = await checkLoadObject({ ...context, url: new URL(plan.url), address, timeoutMs });
    } else outcome = await runPlan({ ...plan, address }, { ...context, timeoutMs });
    const family = plan.family ?? (address?.includes(":") ? 6 : 4);
    const atMs = context.clock.wallMs();
    return { target: this.#target.id, check: plan.kind, family, atMs, ...resolved, ...outcome };
  }

  #forbidden(address: string, rules: AddressRules): boolean {
    return this.#target.vetted && vetAddress(address, rules) !== null;
  }

  async #askSnmp(plan: SnmpPlan, address: string, context: CheckContext): Promise<CheckOutcome> {
    const { port, community, v3 } = plan;
    const { timeoutMs } = this.#target;
    this.#snmp ??= new SnmpMemory();
    const memory = this.#snmp;
    const agent = { port, community, ...(v3 === undefined ? {} : { v3 }) };
    return await checkSnmp({ ...context, ...agent, address, timeoutMs, memory });
  }

  async #scrape(plan: ExporterPlan, address: string, context: CheckContext): Promise<CheckOutcome> {
    const { timeoutMs } = this.#target;
    const { clock, signal } = context;
    const url = new URL(plan.url);
    const previous = this.#previous;
    const scrape = await checkExporter({ address, url, timeoutMs, clock, signal, previous });
    this.#previous = scrape.reading;
    return scrape.outcome;
  }
}

function runPlan(
  plan: Exclude<CheckPlan, { kind: "exporter" | "snmp" | "load" }>,
  how: CheckContext & { readonly timeoutMs: number },
): Promise<CheckOutcome> {
  const { timeoutMs, clock, signal } = how;
  switch (plan.kind) {
    case "http":
      return (plan.version === 2 ? checkHttp2 : checkHttp)({ ...plan, timeoutMs, clock, signal });
    case "tcp":
      return checkTcp({ ...plan, timeoutMs, clock, signal });
    case "ftp":
      return checkFtp({ ...plan, timeoutMs, clock, signal });
    case "tls":
      return checkTls({ ...plan, timeoutMs, clock, signal });
    case "dns":
      return checkDns({ ...plan, timeoutMs, clock, rng: how.rng, signal });
    case "icmp":
      return checkIcmp({ ...plan, timeoutMs, clock, rng: how.rng, signal });
  }
}
