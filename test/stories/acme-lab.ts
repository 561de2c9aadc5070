import { LocalBus } from "../../src/bus/mod.ts";
import { issue } from "../../src/cli/demo/certificate.ts";
import { DIRECTORY, FakeCa } from "../../src/control/acme/fake-ca.fixture.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import { askSecrets } from "../../src/control/secrets.fixture.ts";
import type { ObtainedRow, ObtainedView } from "../../src/model/api/mod.ts";
import type { NameResolver } from "../../src/model/resolver.ts";
import { makeQuery, type ResourceRecord, TYPE } from "../../src/wire/dns/mod.ts";

export const LIFE_DAYS = 90;
export const SHARED = "c.cdn.example";

export const root = issue({
  subject: "Root",
  names: [],
  from: new Date(Date.UTC(2020, 0, 1)),
  days: 20_000,
});

/** A control plane with a clock of its own, an authority of the test's, and name servers of a table. */
export class Lab {
  control!: ControlWorld;
  ca!: FakeCa;
  headers: Record<string, string> = {};
  readonly #bus = new LocalBus();
  /** Whether name servers answer with what they have, something older, or not at all. */
  servers: "right" | "older" | "silent" = "right";

  /** In place of the table: real name servers. */
  asks: NameResolver | null = null;
  /** What the authority sees of a TXT record; in place of the table. */
  sees: ((name: string) => Promise<readonly string[]>) | null = null;

  get bus(): LocalBus {
    return this.#bus;
  }

  async start(acme = "", sites = NETWORK_YAML): Promise<this> {
    let ca: FakeCa | null = null;
    this.control = await startControlWorld({
      bus: this.#bus,
      resolver: this.asks ?? this.#resolver(),
      openTransport: (...given) => ca?.open(...given) ?? (() => Promise.reject(new Error("none"))),
    });
    const { clock } = this.control;
    ca = this.ca = new FakeCa({
      clock,
      issue: (host, spki) => {
        const from = new Date(clock.wallMs());
        const authorityKey = Buffer.from("0102030405", "hex");
        const of = { subject: "leaf", names: [host], from, days: LIFE_DAYS, by: root };
        return issue({ ...of, spki, authorityKey }).cert + root.cert;
      },
      look: async (host, type, keyAuthorization) => {
        if (type !== "dns-01") return "not looked at";
        const value = new Bun.CryptoHasher("sha256").update(keyAuthorization).digest("base64url");
        const name = `_acme-challenge.${host}`;
        const all = (await this.sees?.(name)) ?? [(await this.challenges()).get(name)];
        return all.includes(value) ? null : `no TXT for ${host}`;
      },
    });
    this.headers = await this.control.token(OPERATOR);
    const settings = `acme: {directory: '${DIRECTORY}', termsAgreed: true${acme}}\n`;
    const body = { yaml: settings + sites };
    const applied = await this.control.call("POST", "/apply", { headers: this.headers, body });
    if (applied.status !== 200) throw new Error(`Cannot apply: received ${applied.status}`);
    return this;
  }

  /** What name servers are given. */
  async challenges(): Promise<Map<string, string>> {
    const set = await askSecrets(this.#bus, "zone.extras");
    return new Map((set?.challenges ?? []).map(({ name, value }) => [name, value]));
  }

  settle(): Promise<void> {
    return this.control.control.settleCertificates();
  }

  async rows(): Promise<readonly ObtainedRow[]> {
    const { headers } = this;
    return (await this.control.call<ObtainedView>("GET", "/obtained", { headers })).body.names;
  }

  async row(host: string): Promise<ObtainedRow> {
    const row = (await this.rows()).find((one) => one.host === host);
    if (row === undefined) throw new Error(`No name ${host}`);
    return row;
  }

  async states(): Promise<string> {
    return (await this.rows()).map(({ state }) => state).join(" ");
  }

  #resolver(): NameResolver {
    const lookup: NameResolver["lookup"] = async (name) => makeQuery(1, name, TYPE.A);
    return {
      lookup,
      lookupAt: async (_, name) => {
        if (this.servers === "silent") throw new Error("silent");
        const value = (await this.challenges()).get(name);
        const texts = [new TextEncoder().encode(value ?? "")];
        const base = { name, type: TYPE.TXT, class: 1, ttlSec: 5 };
        const answer: ResourceRecord = { ...base, data: { kind: "texts", texts } };
        const answers = value === undefined || this.servers === "older" ? [] : [answer];
        return { ...makeQuery(1, name, TYPE.TXT), answers };
      },
    };
  }
}
