import type { BunPlugin } from "bun";
import { buildApp } from "../../src/portal/mod.ts";

/**
 * Builds the portal's browser application now and puts it in the place of the module that builds it
 * from source, which an executable does not carry.
 */
export async function embeddedPortal(): Promise<BunPlugin> {
  const app = await buildApp();
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const files = app.files.map((file) => {
    return { ...file, bytes: base64(file.bytes), gzip: base64(file.gzip) };
  });
  const contents = [
    `const app = ${JSON.stringify({ ...app, files })};`,
    "const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64'));",
    "const whole = (file) => ({ ...file, bytes: bytes(file.bytes), gzip: bytes(file.gzip) });",
    "export async function buildApp() {",
    "  return { ...app, files: app.files.map(whole) };",
    "}",
  ].join("\n");
  return {
    name: "embedded-portal",
    setup(build) {
      build.onLoad({ filter: /\/src\/portal\/build\.ts$/ }, () => ({ contents, loader: "js" }));
    },
  };
}
