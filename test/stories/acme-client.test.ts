/** The client of certificate authorities against Debian's pebble: accounts that it knows, and refusals. */
import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { createHmac } from "node:crypto";
import { realClock } from "../../src/base/real/clock.ts";
import { AccountKey, newKey } from "../../src/control/acme/account-key.ts";
import { CaFault } from "../../src/control/acme/ca-fault.ts";
import { CaClient } from "../../src/control/acme/client.ts";
import { type Challenger, finishOrder } from "../../src/control/acme/issue.ts";
import { httpsTransport } from "../../src/control/acme/transport.ts";
import { testWith } from "../lab/needs.ts";
import { Pebble } from "../lab/pebble.ts";
import { Folder, loopback } from "../lab/turnpike.ts";

setDefaultTimeout(60_000);

const folder = new Folder();
const at = loopback();
const HTTP = { challenge: "http-01", record: "_acme-challenge.nobody.example" } as const;
const SECRET = Buffer.alloc(32, 7);
const NOWHERE = `${at(2)}:5353`;
const pebble = new Pebble({
  ...{ address: at(1), folder, dns: NOWHERE, httpPort: 8080 },
  eab: { "kid-1": SECRET.toString("base64url") },
  env: { PEBBLE_WFE_NONCEREJECT: "20" },
});

afterAll(async () => {
  await pebble.stop();
  folder.remove();
});

function clientOf(key: AccountKey, accountUrl: string | null = null): CaClient {
  const transport = httpsTransport(pebble.ca, new AbortController().signal);
  return new CaClient({
    ...{ directory: pebble.directory, transport, key, accountUrl, clock: realClock },
  });
}

function bindingOf(kid: string, secret: Buffer) {
  const sign = (input: string) => createHmac("sha256", secret).update(input).digest("base64url");
  return { kid, sign };
}

/** The words of the fault that a promise fails with. */
async function refusalOf(doing: Promise<unknown>): Promise<string> {
  const fault = await doing.then(() => null).catch((error: unknown) => error);
  return fault instanceof CaFault ? `${fault.code}: ${fault.detail}` : String(fault);
}

testWith(
  ["pebble", "openssl"],
  "an account is bound to one that the authority knows, through refused nonces; wrong ones are told",
  async () => {
    await pebble.start();
    const client = clientOf(new AccountKey(newKey()));
    const contact = "hostmaster@cdn.example";
    expect(await refusalOf(client.register({ contact, binding: null }))).toContain("acme.eab");
    const wrong = bindingOf("kid-1", Buffer.alloc(32, 8));
    expect(await refusalOf(client.register({ contact, binding: wrong }))).toMatch(/^ca-refused: /);
    const binding = bindingOf("kid-1", SECRET);
    const url = await client.register({ contact, binding });
    expect(url).toStartWith(`https://${at(1)}:14000/`);
    // The same key gets the same account again.
    expect(await client.register({ contact, binding })).toBe(url);
    expect(
      await refusalOf(clientOf(new AccountKey(newKey()), url).newOrder("a.example", null)),
    ).toMatch(/^ca-refused: /);
  },
);

testWith(
  ["pebble", "openssl"],
  "what the authority does not see is refused in its own words, and is withdrawn",
  async () => {
    const key = new AccountKey(newKey());
    const client = clientOf(key);
    await client.register({ contact: undefined, binding: bindingOf("kid-1", SECRET) });
    const { url: orderUrl, order } = await client.newOrder("nobody.example", null);
    expect(order.status).toBe("pending");
    const seen: string[] = [];
    const challenger: Challenger = {
      present: async ({ host }) => void seen.push(`present ${host}`),
      withdraw: async ({ host }) => void seen.push(`withdraw ${host}`),
    };
    const refused = finishOrder(
      { orderUrl, key: newKey(), host: "nobody.example", customer: "", way: HTTP },
      {
        ...{ client, thumbprint: key.thumbprint, wait: (ms) => Bun.sleep(ms), note: () => {} },
        challengers: { "dns-01": challenger, "http-01": challenger },
      },
    );
    expect(await refusalOf(refused)).toMatch(/^ca-refused: \w+: .*nobody\.example/);
    expect(seen).toEqual(["present nobody.example", "withdraw nobody.example"]);
  },
);

testWith(
  ["pebble", "openssl"],
  "an authority whose own certificate nobody vouches for, or that is not there, is not spoken to",
  async () => {
    const { signal } = new AbortController();
    const ask = { method: "GET" } as const;
    const unknown = httpsTransport(undefined, signal)(pebble.directory, ask);
    expect(await refusalOf(unknown)).toMatch(/^ca-unreachable: .*CERT|SELF_SIGNED|unable/);
    const nobody = httpsTransport(pebble.ca, signal)(`https://${at(3)}:14000/dir`, ask);
    expect(await refusalOf(nobody)).toMatch(/^ca-unreachable: /);
    const plain = httpsTransport(pebble.ca, signal)(`http://${at(1)}:14000/dir`, ask);
    expect(await refusalOf(plain)).toBe("ca-broken: a URL that is not https");
  },
);
