// Loads one page in Chromium, as a program of its own: `browse.ts URL`. Prints, as JSON, what the
// browser saw: every response with the address it came from, and which images were drawn.
import { createHash } from "node:crypto";
import { chromium } from "playwright-core";

export interface Seen {
  readonly url: string;
  readonly status: number;
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sha256: string;
  readonly bytes: number;
}

export interface Visit {
  readonly seen: readonly Seen[];
  readonly text: string;
  /** Sources of the images that were decoded and drawn. */
  readonly drawn: readonly string[];
}

if (import.meta.main) {
  const url = process.argv[2]!;
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-quic", "--disable-background-networking"],
  });
  try {
    const page = await browser.newPage();
    const seen: Promise<Seen>[] = [];
    page.on("response", (response) => {
      seen.push(
        (async () => {
          const body = await response.body();
          return {
            url: response.url(),
            status: response.status(),
            address: (await response.serverAddr())?.ipAddress ?? "",
            headers: await response.allHeaders(),
            sha256: createHash("sha256").update(body).digest("hex"),
            bytes: body.length,
          };
        })(),
      );
    });
    await page.goto(url, { waitUntil: "load", timeout: 20_000 });
    const drawn = await page.$$eval("img", (images) =>
      images.filter((one) => one.naturalWidth > 0).map((one) => one.src),
    );
    const text = (await page.textContent("body")) ?? "";
    const visit: Visit = { seen: await Promise.all(seen), text, drawn };
    process.stdout.write(`${JSON.stringify(visit)}\n`);
  } finally {
    await browser.close();
  }
}
