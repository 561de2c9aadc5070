import { afterAll, beforeAll, beforeEach, describe, expect } from "bun:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { testWith, whyNot } from "../lab/needs.ts";
import { ARGS, CHROMIUM } from "../portal/stage.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin, ZONE } from "./edge-stage.ts";

const NET = "127.115";
const EVIL = "www.evil.example";
const BANK = "www.bank.example";
const SHARED = `https://c.${ZONE}`;
const MARK = "document.title = 'ran ' + location.host;";

let origins: StageOrigin[] = [];
let stage: Stage;
let browser: Browser;
let page: Page;

/** What both customers' servers hold; the attacker's sets cookies and headers wherever it can. */
function answer(request: Request): Response {
  const { pathname } = new URL(request.url);
  const evil = request.headers.get("host")?.startsWith(EVIL) === true;
  const types: Readonly<Record<string, string>> = {
    html: "text/html",
    svg: "image/svg+xml",
    xml: "application/xhtml+xml",
    js: "text/javascript",
    json: "application/json",
    txt: "text/plain",
    png: "image/png",
  };
  const type = types[pathname.split(".").at(-1) ?? ""] ?? "text/html";
  const script = `<script>${MARK}</script>`;
  const bodies: Readonly<Record<string, string>> = {
    html: `<!doctype html><title>quiet</title><p id="secret">bank secret</p>${script}`,
    svg: `<svg xmlns="http://www.w3.org/2000/svg"><title>quiet</title>${script}</svg>`,
    xml: `<html xmlns="http://www.w3.org/1999/xhtml"><head><title>quiet</title>${script}</head></html>`,
    js: pathname === "/worker.js" ? "self.onfetch = () => {};" : MARK,
    json: `{"secret": 1}`,
    txt: MARK,
    png: "not a picture",
  };
  const ending = pathname.split(".").at(-1) ?? "html";
  return new Response(bodies[ending] ?? "", {
    headers: {
      "content-type": type,
      "cache-control": "max-age=60",
      ...(evil
        ? {
            "set-cookie": `toss=1; Domain=${ZONE}; Path=/`,
            "service-worker-allowed": "/",
            "clear-site-data": '"cookies"',
            "access-control-allow-origin": "*",
          }
        : {}),
    },
  });
}

beforeAll(async () => {
  const first = startOrigin(`${NET}.0.1`, 0, answer);
  origins = [first, startOrigin(`${NET}.0.2`, first.port, answer)];
  const sites = [EVIL, BANK].map((hostname, i) => ({
    ...{ hostname, customer: i === 0 ? "evil" : "bank", port: first.port },
    front: "caches" as const,
    origins: [{ name: "o1", v4: origins[i]!.address, port: first.port }],
    // Whatever a customer writes: rules that would undo the guards, as far as rules can say it.
    rules: [
      {
        name: "all",
        response: {
          set: {
            "content-security-policy": "default-src * 'unsafe-inline' 'unsafe-eval' data: blob:",
            "x-content-type-options": "none",
          },
          remove: ["link", "x-content-type-options", "content-security-policy"],
        },
      },
    ],
  }));
  stage = new Stage(snapshotOf(sites), `${NET}.9.1`);
  const names = [EVIL, BANK].flatMap((name) => [name, `${name}.${ZONE}`]);
  await stage.start({ tls: selfSigned([...names, `c.${ZONE}`], new Date()) });
  if (whyNot([CHROMIUM]) !== null) return;
  const target = `${stage.address}:${stage.edge.httpsPort}`;
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...ARGS, "--ignore-certificate-errors", `--host-resolver-rules=MAP *.example ${target}`],
  });
});
afterAll(async () => {
  await browser?.close();
  await stage.stop();
  await Promise.all(origins.map((origin) => origin.stop()));
});
beforeEach(async () => {
  if (browser === undefined) return;
  for (const context of browser.contexts()) await context.close();
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  page = await context.newPage();
  for (const origin of origins) origin.log.length = 0;
});

const story = (name: string, run: () => Promise<void>) => testWith([CHROMIUM], name, run);

/** What a script gets, or the name of the error that it meets. */
function tried(script: string): Promise<unknown> {
  return page.evaluate(
    `(async () => { try { return await (async () => { ${script} })(); } catch (e) { return e.name; } })()`,
  );
}

async function cookies(): Promise<readonly string[]> {
  return (await page.context().cookies()).map((one) => `${one.name} ${one.domain}`);
}

describe("a customer's page against another customer, in a browser (H25)", () => {
  story(
    "what these pages try runs where the customer is at home, so the test can fail",
    async () => {
      await page.goto(`https://${EVIL}/page.html`);
      expect(await page.title()).toBe(`ran ${EVIL}`);
      await page.goto(`https://${EVIL}/drawing.svg`);
      expect(await page.evaluate("document.title")).toBe(`ran ${EVIL}`);
    },
  );

  story("nothing runs on the name that all share: no page, drawing or document", async () => {
    for (const path of [
      "page.html",
      "drawing.svg",
      "document.xml",
      "other",
      "script.js",
      "text.txt",
    ]) {
      await page.goto(`${SHARED}/${EVIL}/${path}`);
      expect([path, await page.evaluate("document.title")]).not.toEqual([path, `ran c.${ZONE}`]);
      expect([path, await page.evaluate("self.origin")]).toEqual([
        ...[path, /html|svg|xml|other|js$/.test(path) ? "null" : SHARED],
      ]);
    }
  });

  story("no cookie is set there, by field, script or element, nor sent to any origin", async () => {
    for (const address of [`${SHARED}/${EVIL}`, `https://${EVIL}.${ZONE}`]) {
      for (const path of ["page.html", "drawing.svg", "x.png"]) {
        await page.goto(`${address}/${path}`);
        // Nobody's script runs in a picture: only where a page could run one is it tried.
        if (path !== "x.png") await tried(`document.cookie = "js=1; Domain=${ZONE}; Path=/"`);
        expect([address, path, await cookies()]).toEqual([address, path, []]);
      }
    }
    await page
      .context()
      .addCookies([{ name: "planted", value: "1", domain: `.${ZONE}`, path: "/" }]);
    await page.goto(`${SHARED}/${BANK}/planted.html`);
    await page.goto(`https://${BANK}.${ZONE}/planted2.html`);
    const sent = origins.flatMap((origin) => origin.log.map((one) => one.headers.get("cookie")));
    expect(new Set(sent)).toEqual(new Set([null]));
  });

  story("no service worker is registered for the name that all share", async () => {
    await page.goto(`https://${EVIL}/page.html`);
    const own = "(await navigator.serviceWorker.register('/worker.js')).scope";
    expect(await tried(`return ${own}`)).toBe(`https://${EVIL}/`);
    const script = `${SHARED}/${EVIL}/worker.js`;
    expect(await tried(`await navigator.serviceWorker.register('${script}')`)).toBe(
      "SecurityError",
    );
    // From a document of that name which the browser shows as it is, and does not sandbox.
    await page.goto(`${SHARED}/${EVIL}/text.txt`);
    for (const scope of ["/", `/${EVIL}/`, `/${BANK}/`]) {
      const register = `register('/${EVIL}/worker.js', { scope: '${scope}' })`;
      const error = await tried(`await navigator.serviceWorker.${register}`);
      expect([scope, ["SecurityError", "TypeError"].includes(String(error))]).toEqual([
        scope,
        true,
      ]);
    }
    expect(await tried("return (await navigator.serviceWorker.getRegistrations()).length")).toBe(0);
  });

  story("nothing of the other customer is read: by fetch, frame, script or drawing", async () => {
    await page.goto(`https://${EVIL}/page.html`);
    for (const url of [`${SHARED}/${BANK}/data.json`, `https://${BANK}.${ZONE}/data.json`]) {
      expect([url, await tried(`return (await fetch('${url}')).text()`)]).toEqual([
        url,
        "TypeError",
      ]);
      const opaque = `(await fetch('${url}', { mode: 'no-cors', credentials: 'include' })).type`;
      expect([url, await tried(`return ${opaque}`)]).toEqual([url, "opaque"]);
    }
    const frame = `const f = document.createElement('iframe');
      f.src = '${SHARED}/${BANK}/page.html';
      await new Promise((done) => { f.onload = done; document.body.append(f); });
      return f.contentDocument === null`;
    expect(await tried(frame)).toBe(true);
    const include = (url: string) => `await new Promise((done) => {
      const s = document.createElement('script');
      s.src = '${url}'; s.onload = () => done('run'); s.onerror = () => done('refused');
      document.head.append(s);
    })`;
    for (const url of [`${SHARED}/${BANK}/data.json`, `${SHARED}/${EVIL}/text.txt`]) {
      expect([url, await tried(`return ${include(url)}`)]).toEqual([url, "refused"]);
    }
    expect(await tried(`return ${include(`${SHARED}/${EVIL}/script.js`)}`)).toBe("run");
  });

  story("a page at one customer's own second name has no hold on another's", async () => {
    await page.goto(`https://${EVIL}.${ZONE}/page.html`);
    expect(await page.title()).toBe(`ran ${EVIL}.${ZONE}`);
    expect(await page.evaluate("self.origin")).toBe("null");
    await page.goto(`https://${BANK}.${ZONE}/page.html`);
    expect(await page.evaluate("self.origin")).toBe("null");
    expect(await tried("return document.cookie")).toBe("SecurityError");
  });
});
