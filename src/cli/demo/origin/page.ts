import { createHash } from "node:crypto";
import { hash32, seededRng } from "../../../base/rng.ts";

/**
 * What the demo's mirrored web servers hold. Every server of a site has the same objects, and two
 * sites never the same bytes at one path: so that a wrong object is seen at once.
 */
export interface StoredObject {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
}

export const LAST_MODIFIED = "Sun, 01 Nov 2026 08:00:00 GMT";
const OBJECT_BYTES = 24_000;
const OBJECTS_MAX = 500;

/** Pages name their images at the second address, in both of its forms. */
export function pageHtml(o: {
  readonly hostname: string;
  readonly server: string;
  readonly zone: string;
  readonly httpPort: number;
}): string {
  const first = `http://c.${o.zone}:${o.httpPort}/${o.hostname}`;
  const second = `http://${o.hostname}.${o.zone}:${o.httpPort}`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${o.hostname}</title>
<link rel="stylesheet" href="${first}/css/site.css"></head>
<body>
<h1>${o.hostname}</h1>
<p>This page came from the web server <b>${o.server}</b>.</p>
<p><img src="${first}/img/logo.svg" alt="Logo, by c.${o.zone}" width="160">
<img src="${second}/img/banner.svg" alt="Banner, by ${o.hostname}.${o.zone}" width="320"></p>
</body>
</html>
`;
}

/** The second addresses that a page names, as a browser would find them. */
export function linksOf(html: string): readonly string[] {
  return [...html.matchAll(/(?:src|href)="(http[^"]+)"/g)].map((m) => m[1]!);
}

/** The mirrored content of one site: `/img/<any name>` and `/css/<any name>`, made on first use. */
export class Content {
  readonly #hostname: string;
  readonly #objects = new Map<string, StoredObject>();

  constructor(hostname: string) {
    this.#hostname = hostname;
  }

  get(path: string): StoredObject | null {
    const held = this.#objects.get(path);
    if (held !== undefined) return held;
    const made = this.#make(path);
    if (made === null) return null;
    if (this.#objects.size >= OBJECTS_MAX) this.#objects.clear();
    this.#objects.set(path, made);
    return made;
  }

  #make(path: string): StoredObject | null {
    if (/^\/css\/[\w.-]+\.css$/.test(path)) {
      return stored("text/css", encode(`/* ${this.#hostname}${path} */\nbody { margin: 2rem }\n`));
    }
    if (!/^\/img\/[\w.-]+$/.test(path)) return null;
    const hue = hash32(this.#hostname + path) % 360;
    if (path.endsWith(".svg")) return stored("image/svg+xml", encode(svg(this.#hostname, hue)));
    const rng = seededRng(hash32(this.#hostname + path));
    return stored("application/octet-stream", new Uint8Array(rng.bytes(OBJECT_BYTES)));
  }
}

function svg(words: string, hue: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 80">
<rect width="320" height="80" rx="12" fill="hsl(${hue} 60% 40%)"/>
<text x="160" y="48" font-size="22" text-anchor="middle" fill="#fff">${words}</text></svg>
`;
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function stored(type: string, body: Uint8Array<ArrayBuffer>): StoredObject {
  const etag = `"${createHash("sha256").update(body).digest("hex").slice(0, 16)}"`;
  return { body, type, etag };
}
