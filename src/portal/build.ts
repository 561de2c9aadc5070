import { assert } from "../base/assert.ts";

export interface BuiltFile {
  /** Name with a content hash, such as `main-1a2b3c4d.js`; served under `/assets/`. */
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
}

/** The browser application, built. All files stay in memory: about 1 MB with both encodings. */
export interface BuiltApp {
  readonly files: readonly BuiltFile[];
  /** Names of the script and the style sheet that the first page loads. */
  readonly script: string;
  readonly style: string;
}

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

/** Builds from source with one chunk per page. Source that does not build is a bug of ours. */
export async function buildApp(): Promise<BuiltApp> {
  const built = await Bun.build({
    entrypoints: [new URL("./app/main.tsx", import.meta.url).pathname],
    target: "browser",
    format: "esm",
    splitting: true,
    minChunkSize: 8192,
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
    naming: {
      entry: "[name]-[hash].[ext]",
      chunk: "[name]-[hash].[ext]",
      asset: "[name]-[hash].[ext]",
    },
    publicPath: "/assets/",
    throw: false,
  });
  assert(built.success, `The portal builds: ${built.logs.map(String).join("; ")}`);
  const files: BuiltFile[] = [];
  let script = "";
  let style = "";
  for (const output of built.outputs) {
    const name = output.path.split("/").at(-1) ?? "";
    const type = TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
    const bytes = new Uint8Array(await output.arrayBuffer());
    files.push({ name, type, bytes, gzip: Bun.gzipSync(bytes, { level: 9 }) });
    if (output.kind === "entry-point") script = name;
    if (type.startsWith("text/css") && (style === "" || name.startsWith("main-"))) style = name;
  }
  assert(script !== "" && style !== "", "The portal has one script and one style sheet to start");
  return { files, script, style };
}
