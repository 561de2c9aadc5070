// What a name server with TSIG keys says to everybody else, over every way in: UDP (both ways that it is
// read), TCP, TLS and HTTPS (threats.md D9).
import { afterEach, describe, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { hmac } from "../../src/dns/hmac.ts";
import { compileWorld, healthOf } from "../../src/dns/hot/world.fixture.ts";
import type { ExtrasFeed } from "../../src/model/zone-extras.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
  makeQuery,
  OPCODE,
  RCODE,
  signMessage,
  type TsigKey,
  TYPE,
} from "../../src/wire/dns/mod.ts";
import { askDoh, openDoh } from "../lab/doh-door.ts";
import { askUdp, clean, dial, framed, HandFeed, onClean, startServer, until } from "./dns-stage.ts";

afterEach(clean);

const key = (name: string, fill: number): TsigKey => ({
  name,
  algorithm: "hmac-sha256",
  secret: new Uint8Array(32).fill(fill),
});
const XFR = key("xfr.shop", 1);
const CERTS = key("certs.shop", 2);

const known: ExtrasFeed = {
  extras: () => ({
    tsig: [
      { use: "transfer" as const, ...XFR },
      { use: "acme" as const, ...CERTS },
    ].map(({ secret, ...rest }) => {
      return { ...rest, customer: "shop", secret: Buffer.from(secret).toString("base64") };
    }),
    challenges: [],
  }),
  onExtras: () => () => {},
};

function world(): HandFeed {
  const compiled = compileWorld();
  // Whoever asks here comes from 127.0.0.1, which is not named.
  const transfer = { key: XFR.name, to: ["127.0.0.9:1"] };
  const zones = compiled.zones.map((zone) => ({ ...zone, transfer }));
  return new HandFeed({ ...compiled, zones }, healthOf(compiled));
}

type Way = "batched" | "portable" | "tcp" | "tls" | "https";

/** A server with keys, and one question to it by each way. */
async function askBy(way: Way) {
  const tls = selfSigned(["ns.cdn.example"], new Date());
  const updates: unknown[] = [];
  const dns = await startServer(
    { tls: { hosts: ["127.0.0.1"], port: 0 }, ...(way === "portable" && { udp: "portable" }) },
    {
      tls,
      feed: world(),
      extras: known,
      update: async (...all) => {
        updates.push(all);
        return RCODE.NOERROR;
      },
    },
  );
  const door = way === "https" ? await openDoh(dns, tls) : null;
  onClean(() => door?.stop());
  const ask = async (bytes: Uint8Array): Promise<Message> => {
    if (door !== null) return decodeMessage((await askDoh(door.port, bytes))!) as Message;
    if (way === "batched" || way === "portable") return askUdp(dns.port, bytes);
    const port = way === "tls" ? dns.tlsPort! : dns.port;
    const client = await dial(port, { tls: way === "tls" });
    client.socket.write(framed(bytes));
    await until(() => client.messages.length > 0);
    return decodeMessage(client.messages[0]!) as Message;
  };
  return { ask, updates };
}

const message = (name: string, type: number, more: Partial<Message> = {}): Message => ({
  ...makeQuery(7, name, type),
  edns: null,
  ...more,
});
const FORGED = { ...XFR, secret: new Uint8Array(32) };
const NAME = "_acme-challenge.hosted.example";
const challenge = {
  name: NAME,
  type: TYPE.TXT,
  class: 1,
  ttlSec: 60,
  data: { kind: "texts" as const, texts: [new TextEncoder().encode("x")] },
};
const update = message("hosted.example", TYPE.SOA, {
  opcode: OPCODE.UPDATE,
  authorities: [challenge],
});
const notify = message("hosted.example", TYPE.SOA, { opcode: OPCODE.NOTIFY, flags: 0x400 });
const signed = (of: Message, by: TsigKey) => {
  const timeSec = Math.floor(Date.now() / 1000);
  return signMessage(encodeMessage(of)!, { key: by, hmac, timeSec }).bytes;
};

/** Everything that is to be refused, and the code where keys are known. */
const CASES: readonly (readonly [string, Uint8Array, number])[] = [
  ...[TYPE.AXFR, TYPE.IXFR].flatMap((type) => {
    const of = message("hosted.example", type);
    return [
      [`${type} unsigned`, encodeMessage(of)!, RCODE.REFUSED],
      [`${type} from elsewhere`, signed(of, XFR), RCODE.REFUSED],
      [`${type} by another key`, signed(of, CERTS), RCODE.REFUSED],
      [`${type} forged`, signed(of, FORGED), RCODE.NOTAUTH],
      [`${type} by nobody`, signed(of, key("nobody.shop", 9)), RCODE.NOTAUTH],
    ] as const;
  }),
  ["UPDATE unsigned", encodeMessage(update)!, RCODE.REFUSED],
  ["UPDATE by another key", signed(update, XFR), RCODE.REFUSED],
  ["UPDATE forged", signed(update, { ...CERTS, secret: XFR.secret }), RCODE.NOTAUTH],
  ["NOTIFY unsigned", encodeMessage(notify)!, RCODE.REFUSED],
  ["NOTIFY signed", signed(notify, XFR), RCODE.REFUSED],
];

describe("AXFR, IXFR, UPDATE and NOTIFY from anyone (D9)", () => {
  for (const way of ["batched", "portable", "tcp", "tls"] as const) {
    test(`are refused over ${way}, with not one record`, async () => {
      const { ask, updates } = await askBy(way);
      // Threads hear of keys in a moment.
      const soa = () => ask(signed(message("hosted.example", TYPE.SOA), XFR));
      await until(async () => (await soa()).additionals.some((r) => r.type === TYPE.TSIG), 10_000);
      for (const [what, bytes, rcode] of CASES) {
        const said = await ask(bytes);
        const records = [...said.answers, ...said.authorities].length;
        expect([what, said.rcode, records]).toEqual([what, rcode, 0]);
      }
      expect(updates).toEqual([]);
      // And what is right is taken by the same way.
      expect((await ask(signed(update, CERTS))).rcode).toBe(RCODE.NOERROR);
      expect(updates.length).toBeGreaterThan(0);
      expect((await soa()).answers).toHaveLength(1);
    }, 20_000);
  }

  test("are refused over https, by whatever key: nothing signed is looked at there", async () => {
    const { ask, updates } = await askBy("https");
    const right = ["UPDATE by its key", signed(update, CERTS), RCODE.REFUSED] as const;
    for (const [what, bytes] of [...CASES, right]) {
      const said = await ask(bytes);
      const records = [...said.answers, ...said.authorities].length;
      expect([what, said.rcode, records]).toEqual([what, RCODE.REFUSED, 0]);
    }
    expect(updates).toEqual([]);
    expect((await ask(encodeMessage(message("hosted.example", TYPE.SOA))!)).answers).toHaveLength(
      1,
    );
  });
});
