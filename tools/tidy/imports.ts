import { posix } from "node:path";
import { isTest, lineAt, type Source, type Violation } from "./source.ts";

/** Folder of src -> floor. Imports only go down; folders of one floor never import each other. */
const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  wire: 1,
  model: 2,
  policy: 3,
  store: 4,
  bus: 4,
  dns: 5,
  edge: 5,
  probe: 5,
  control: 5,
  portal: 5,
  cli: 6,
};

/** Libraries without IO, clock or randomness: what floors 0 to 3 may import. */
const PURE_LIBRARIES = new Set(["zod", "structured-headers", "tldts", "yaml"]);

/** Hot folders: what of floors 4 and up each may see besides floors 0 to 3. */
const SEALED: readonly { readonly folder: string; readonly sees: readonly string[] }[] = [
  { folder: "src/dns/hot/", sees: ["src/dns/hot/"] },
  { folder: "src/edge/hot/", sees: ["src/edge/hot/", "src/edge/cache/"] },
  { folder: "src/edge/cache/", sees: ["src/edge/cache/"] },
];

/** What a runtime gives and floors 0 to 3 do without. */
const RUNTIME: readonly (readonly [RegExp, string])[] = [
  [/(?<![.\w$])Bun\b/g, "Bun"],
  [/(?<![.\w$])Buffer\b/g, "Buffer"],
  [/(?<![.\w$])process\s*[.[]/g, "process"],
  [/(?<![.\w$])crypto\s*\./g, "crypto"],
  [/(?<![.\w$])fetch\s*\(/g, "fetch"],
  [/(?<![.\w$])(?:set|clear)(?:Timeout|Interval|Immediate)\b/g, "timers"],
  [/(?<![.\w$])queueMicrotask\b/g, "queueMicrotask"],
  [/(?<![.\w$])performance\s*\./g, "performance"],
  [/(?<![.\w$])console\s*\./g, "console"],
  [/\bDate\.now\b/g, "Date.now"],
  [/\bnew Date\(\s*\)/g, "new Date()"],
  [/\bMath\.random\b/g, "Math.random"],
  [/\bimport\.meta\b/g, "import.meta"],
  [/(?<![.\w$])require\s*\(/g, "require"],
  [/(?<![.\w$])globalThis\b/g, "globalThis"],
];

export interface Import {
  readonly specifier: string;
  /** Path from the root if it is a file of ours, else null. */
  readonly target: string | null;
  readonly line: number;
  /** `import()`: loaded when it is wanted. */
  readonly lazy: boolean;
}

const IMPORT =
  /(?:^|[;}\n])\s*(?:import|export)\s+(?:[^"'`;]*?\sfrom\s*)?(["'])([^"'\n]+)\1|\bimport\s*\(\s*(["'])([^"'\n]+)\3/g;

/** Static imports, re-exports, imports of types and dynamic imports of a literal. */
export function importsOf(file: Source): Import[] {
  const found: Import[] = [];
  for (const match of file.code.matchAll(IMPORT)) {
    const specifier = match[2] ?? match[4] ?? "";
    const target = specifier.startsWith(".")
      ? posix.join(posix.dirname(file.path), specifier)
      : null;
    const at = match.index + match[0].lastIndexOf(specifier);
    const lazy = match[4] !== undefined;
    found.push({ specifier, target, line: lineAt(file.code, at), lazy });
  }
  return found;
}

function floorOf(path: string): { folder: string; floor: number } | null {
  const folder = path.startsWith("src/") ? path.split("/")[1]! : "";
  const floor = FLOORS[folder];
  return floor === undefined ? null : { folder, floor };
}

/** Imports go down: never up, never across folders of one floor, never out of src. */
export function checkFloors(files: readonly Source[]): Violation[] {
  const wrong: Violation[] = [];
  for (const file of files) {
    const own = floorOf(file.path);
    if (own === null) {
      if (file.path.startsWith("src/"))
        wrong.push({ path: file.path, line: 0, words: "This folder of src is on no floor" });
      continue;
    }
    for (const one of importsOf(file)) {
      if (one.target === null) continue;
      const other = floorOf(one.target);
      const say = (words: string) => wrong.push({ path: file.path, line: one.line, words });
      if (other === null) {
        if (!isTest(file.path) && !one.target.endsWith("package.json"))
          say(`src imports from outside src: received ${one.specifier}`);
      } else if (other.floor > own.floor) {
        say(`Floor ${own.floor} (${own.folder}) imports up: received ${one.target}`);
      } else if (other.floor === own.floor && other.folder !== own.folder) {
        say(`${own.folder} imports across its floor: received ${one.target}`);
      }
    }
  }
  return wrong;
}

/** Floors 0 to 3 import pure libraries only. */
export function checkLibraries(files: readonly Source[]): Violation[] {
  const wrong: Violation[] = [];
  for (const file of files.filter(isPureFloor)) {
    for (const one of importsOf(file)) {
      if (one.target !== null || PURE_LIBRARIES.has(packageOf(one.specifier))) continue;
      const words = `Floors 0 to 3 import pure libraries only: received ${one.specifier}`;
      wrong.push({ path: file.path, line: one.line, words });
    }
  }
  return wrong;
}

export function packageOf(specifier: string): string {
  const [first = "", second = ""] = specifier.split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}

function isPureFloor(file: Source): boolean {
  const own = floorOf(file.path);
  return (
    own !== null && own.floor <= 3 && !isTest(file.path) && !file.path.startsWith("src/base/real/")
  );
}

/** No runtime below floor 4. */
export function checkRuntime(files: readonly Source[]): Violation[] {
  const wrong: Violation[] = [];
  for (const file of files.filter(isPureFloor)) {
    for (const [pattern, name] of RUNTIME) {
      for (const match of file.bare.matchAll(pattern)) {
        const words = `No runtime below floor 4: received ${name}`;
        wrong.push({ path: file.path, line: lineAt(file.bare, match.index), words });
      }
    }
  }
  return wrong;
}

/** Sealed hot folders: floors 0 to 3 and themselves; no blocking log; no await in dns/hot. */
export function checkHot(files: readonly Source[]): Violation[] {
  const wrong: Violation[] = [];
  for (const file of files) {
    const seal = SEALED.find((one) => file.path.startsWith(one.folder));
    if (seal === undefined || isTest(file.path)) continue;
    const say = (line: number, words: string) => wrong.push({ path: file.path, line, words });
    for (const { target, line, specifier } of importsOf(file)) {
      if (target === null) {
        if (/^(node|bun):(sqlite|http|https|net|dns|child_process)$/.test(specifier))
          say(line, `A hot folder does no such IO: received ${specifier}`);
      } else {
        const floor = floorOf(target)?.floor ?? 9;
        if (floor > 3 && !seal.sees.some((folder) => target.startsWith(folder)))
          say(line, `A hot folder sees floors 0 to 3 and itself: received ${target}`);
      }
    }
    for (const match of file.bare.matchAll(/(?<![.\w$])console\s*\./g))
      say(lineAt(file.bare, match.index), "A hot folder does not log by console");
    if (seal.folder !== "src/dns/hot/") continue;
    for (const match of file.bare.matchAll(/\b(?:await|async)\b/g))
      say(lineAt(file.bare, match.index), `No ${match[0]} in dns/hot`);
  }
  return wrong;
}

/**
 * No circles, imports of types included. Reports each circle once, at its first file. The portal
 * loads its pages lazily, and these may look back at what loads them.
 */
export function checkCircles(files: readonly Source[]): Violation[] {
  const graph = new Map(
    files.map((file) => [
      file.path,
      importsOf(file).flatMap((one) => {
        const apart = one.lazy && file.path.startsWith("src/portal/");
        return one.target === null || apart ? [] : [one.target];
      }),
    ]),
  );
  const wrong: Violation[] = [];
  const state = new Map<string, "open" | "done">();
  const trail: string[] = [];
  const visit = (path: string) => {
    state.set(path, "open");
    trail.push(path);
    for (const next of graph.get(path) ?? []) {
      if (!graph.has(next) || state.get(next) === "done") continue;
      if (state.get(next) === "open") {
        const circle = [...trail.slice(trail.indexOf(next)), next];
        wrong.push({ path: next, line: 0, words: `Imports in a circle: ${circle.join(" -> ")}` });
      } else visit(next);
    }
    trail.pop();
    state.set(path, "done");
  };
  for (const path of graph.keys()) if (!state.has(path)) visit(path);
  return wrong;
}
