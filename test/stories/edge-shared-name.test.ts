// What one customer's web server says at the name that all customers share touches nobody else (H25).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, type Reply, Stage, snapshotOf, ZONE } from "./edge-stage.ts";
import { RawOrigin, words } from "./raw-origin.ts";

const NET = "127.76";
const SITE = "www.clauses.example";

let stage: Stage;
const origin = new RawOrigin();

beforeAll(async () => {
  const { port } = await origin.start(`${NET}.22.1`);
  const origins = [{ name: "o1", v4: `${NET}.22.1`, port }];
  const site = { hostname: SITE, customer: "clauses", port, origins };
  stage = new Stage(snapshotOf([{ ...site, front: "caches" }]), `${NET}.29.2`);
  await stage.start();
});
afterAll(async () => {
  await stage.stop();
  await origin.stop();
});

test("a client of IPv4 is named by its own address where a cache listens to both families", async () => {
  const both = await new Stage(stage.snapshot, "::").start();
  try {
    origin.say = () => words("200 OK", ["Cache-Control: no-store"], "told");
    const at = { address: "127.0.0.1", port: both.edge.httpPort };
    const reply = await ask(at, `http://${SITE}/who`, { fields: {}, method: "GET" });
    expect(reply.text).toBe("told");
    expect(origin.log.at(-1)?.fields.get("x-forwarded-for")).toBe("127.0.0.1");
  } finally {
    await both.stop();
  }
});

const isHit = (reply: Reply) => reply.headers.get("cache-status")?.includes("; hit") ?? false;

describe("a name that customers share", () => {
  test("sandboxes what says two types: browsers take the last (H25)", async () => {
    const types = [
      ["Content-Type: text/plain", "Content-Type: text/html"],
      ["Content-Type: text/plain, text/html"],
      ["Content-Type: image/png;a=b,text/html"],
    ];
    for (const [i, type] of types.entries()) {
      origin.say = () =>
        words("200 OK", ["Cache-Control: max-age=60", ...type], "<script></script>");
      for (const hit of [false, true]) {
        const reply = await stage.get(`http://c.${ZONE}/${SITE}/two-types-${i}`);
        expect([i, isHit(reply), reply.headers.get("content-security-policy")]).toEqual([
          ...[i, hit, "sandbox"],
        ]);
      }
    }
  });

  test("lets through nothing that browsers keep for all of a name (H25)", async () => {
    const kept = ["Accept-CH", "Critical-CH", "Expect-CT", "Public-Key-Pins", "Set-Login"];
    const fields = [
      ...kept,
      "Use-As-Dictionary",
      "Shared-Storage-Write",
      "NEL",
      "Clear-Site-Data",
      "Alt-Svc",
      ...["Secure-Session-Registration", "Sec-Session-Registration", "Set-Cookie2", "Report-To"],
      "Strict-Transport-Security",
    ];
    origin.say = () =>
      words("200 OK", ["Cache-Control: max-age=60", ...fields.map((name) => `${name}: x`)]);
    for (const path of ["/kept", "/kept"]) {
      const reply = await stage.get(`http://c.${ZONE}/${SITE}${path}`);
      expect(fields.filter((name) => reply.headers.has(name))).toEqual([]);
    }
    const own = await stage.get(`http://${SITE}/kept`);
    expect(own.headers.get("accept-ch")).toBe("x");
  });

  test("sandboxes what is no plain type: of whatever ends in +xml browsers make documents (H25)", async () => {
    const made = ["text/plain+xml", "text/css+xml", "image/x+xml", "font/x+xml", "audio/x+xml"];
    const near = ["application/json+xml", "application/zipped", "text/plainer", "image/", "text/"];
    const plain = [
      "text/plain;charset=utf-8",
      "text/css ; charset=utf-8",
      "image/vnd.microsoft.icon",
    ];
    const policyOf = async (type: string, i: number) => {
      const fields = ["Cache-Control: max-age=60", `Content-Type: ${type}`];
      origin.say = () => words("200 OK", fields, "<a xmlns='http://www.w3.org/1999/xhtml'/>");
      const reply = await stage.get(`http://c.${ZONE}/${SITE}/made-up-${i}`);
      return [type, reply.headers.get("content-security-policy")];
    };
    let i = 0;
    for (const type of [...made, ...near])
      expect(await policyOf(type, i++)).toEqual([type, "sandbox"]);
    for (const type of plain) expect(await policyOf(type, i++)).toEqual([type, null]);
  });

  test("keeps addresses of the site under its prefix, however they are written", async () => {
    // As its web servers are asked; clients come to the caches' ports.
    const first = `http://${SITE}:${stage.snapshot.sites[0]!.port}`;
    const moved: Readonly<Record<string, string>> = {
      [`http://${SITE}/new`]: `/${SITE}/new`,
      [`https://${SITE}/new?a=1`]: `https://${SITE}/new?a=1`,
      [`//${SITE}/new`]: `/${SITE}/new`,
      "/new?a=1#b": `/${SITE}/new?a=1#b`,
      [`${first}/new`]: `/${SITE}/new`,
      [`${first.toUpperCase()}/new`]: `/${SITE}/new`,
      [`${first}?a=1`]: `/${SITE}/?a=1`,
      [first]: `/${SITE}/`,
      [`//${new URL(first).host}/new`]: `/${SITE}/new`,
      "/a/../../other.example/x": `/${SITE}/other.example/x`,
      "../../../other.example/x": `/${SITE}/other.example/x`,
      "../%2e%2E/x": `/${SITE}/x`,
      // As they are: they lead where they are meant to.
      next: "next",
      "?page=2": "?page=2",
      "https://elsewhere.example/x": "https://elsewhere.example/x",
      "//elsewhere.example/x": "//elsewhere.example/x",
      [`${first}.elsewhere.example/x`]: `${first}.elsewhere.example/x`,
    };
    let i = 0;
    for (const [said, expected] of Object.entries(moved)) {
      const fields = [
        `Location: ${said}`,
        `Content-Location: ${said}`,
        `Refresh: 3; url="${said}"`,
      ];
      origin.say = () => words("302 Found", ["Cache-Control: max-age=60", ...fields]);
      for (const hit of [false, true]) {
        const { headers } = await stage.get(`http://c.${ZONE}/${SITE}/from/${i}`);
        expect([hit, said, headers.get("location"), headers.get("content-location")]).toEqual([
          ...[hit, said, expected, expected],
        ]);
        expect(headers.get("refresh")).toBe(`3; url="${expected}"`);
      }
      i++;
    }
  });

  test("sends a redirect of a page to itself to the first address, and not in a circle", async () => {
    const atServers = `http://${SITE}:${stage.snapshot.sites[0]!.port}`;
    for (const [said, expected] of [
      [atServers, `http://${SITE}`],
      [`http://${SITE}`, `http://${SITE}`],
      [`https://${SITE}`, `https://${SITE}`],
    ]) {
      origin.say = () => words("301 Moved Permanently", [`Location: ${said}/circle?a=1`]);
      const reply = await stage.get(`http://c.${ZONE}/${SITE}/circle?a=1`);
      expect(reply.headers.get("location")).toBe(`${expected}/circle?a=1`);
    }
  });

  test("says links of the site as of its first address at caches, its canonical one too", async () => {
    const first = `http://${SITE}`;
    const links = "</a.css>; rel=preload; as=style, <https://e.example/b>; rel=next, <c>; rel=prev";
    origin.say = () => words("200 OK", ["Cache-Control: max-age=60", `Link: ${links}`]);
    const path = "/d%C3%A9j%C3%A0%20vu/a%3Eb?q=%22x%22&r=a%2Cb";
    const reply = await stage.get(`http://c.${ZONE}/${SITE}${path}`);
    expect(reply.headers.get("link")).toBe(
      `<${first}/a.css>; rel=preload; as=style, <https://e.example/b>; rel=next, <c>; rel=prev, ` +
        `<${first}${path}>; rel="canonical"`,
    );
  });

  test("opens fonts and modules to the site's own pages, whatever their servers call them", async () => {
    const open = [
      ...[
        ["/a", "font/woff2"],
        ["/b", "application/x-javascript"],
        ["/c", "text/ecmascript"],
      ],
      ...[
        ["/d.woff2", "application/octet-stream"],
        ["/e.ttf?v=1", ""],
        ["/f", "text/javascript"],
      ],
    ];
    const closed = [
      ["/g.json", "application/json"],
      ["/h.html", "text/html"],
      ["/i.woff2", "text/html"],
    ];
    const own = [`https://${SITE}`, `http://${SITE}`, `https://${SITE}:8443`, `http://${SITE}`];
    const others = ["https://evil.example", `https://${SITE}.evil.example`, "null", undefined];
    const opened = async ([path, type]: readonly string[], host: string, by?: string) => {
      const fields = [
        "Cache-Control: max-age=60",
        ...(type === "" ? [] : [`Content-Type: ${type}`]),
      ];
      origin.say = () => words("200 OK", fields, "x");
      const reply = await stage.get(
        `http://${host}${path}`,
        by === undefined ? {} : { origin: by },
      );
      const { headers } = reply;
      return [path, by, headers.get("access-control-allow-origin"), headers.get("vary")];
    };
    for (const host of [`c.${ZONE}/${SITE}`, `${SITE}.${ZONE}`]) {
      for (const one of open) {
        for (const by of [...own, ...own]) {
          expect(await opened(one, host, by)).toEqual([one[0], by, by, "Origin"]);
        }
        for (const by of [...others, ...others]) {
          expect(await opened(one, host, by)).toEqual([one[0], by, `http://${SITE}`, "Origin"]);
        }
      }
      for (const one of closed) {
        for (const by of own) expect(await opened(one, host, by)).toEqual([one[0], by, null, null]);
      }
    }
  });

  test("says its first address as https where a rule sends clients there, or its servers have it", async () => {
    const { port } = stage.snapshot.sites[0]!;
    const site = { hostname: SITE, customer: "clauses", port, front: "caches" as const };
    const origins = [{ name: "o1", v4: `${NET}.22.1`, port }];
    origin.say = () => words("200 OK", ["Cache-Control: max-age=60", "Content-Type: font/woff2"]);
    const canonical = async (more: object) => {
      stage.publish(snapshotOf([{ ...site, origins, ...more }], stage.snapshot.number + 1));
      const { headers } = await stage.get(`http://${SITE}.${ZONE}/canonical`);
      return [headers.get("link"), headers.get("access-control-allow-origin")];
    };
    const said = (address: string) => [`<${address}/canonical>; rel="canonical"`, address];
    expect(await canonical({})).toEqual(said(`http://${SITE}`));
    const rules = [{ name: "secure", match: { path: ["/account/*"] }, https: true }];
    expect(await canonical({ rules })).toEqual(said(`https://${SITE}`));
    expect(await canonical({ scheme: "https" })).toEqual(said(`https://${SITE}`));
    expect(await canonical({ front: "servers" })).toEqual(said(`http://${SITE}:${port}`));
  });
});
