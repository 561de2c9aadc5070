import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../base/fault.ts";
import { seededRng } from "../base/rng.ts";
import type { ZoneKey, ZoneKeySet } from "../model/zone-keys.ts";
import { seal, unseal } from "./sealed.ts";
import { readSealedCopy, writeSealedCopy } from "./sealed-copy.ts";
import { ZoneKeyStore } from "./zone-keys.ts";
import { ZONE_KEYS_COPY } from "./zone-keys-disk.ts";

const dir = mkdtempSync(join(tmpdir(), "turnpike-keys-"));
const open: ZoneKeyStore[] = [];
afterEach(() => {
  for (const store of open.splice(0)) store.close();
  rmSync(dir, { recursive: true, force: true });
});

const KEY: ZoneKey = {
  zone: "shop.example",
  algorithm: 13,
  state: "active",
  publicKey: "cHVibGlj",
  privateKey: Buffer.from("a private key").toString("base64"),
};
const masterPath = join(dir, "secret");

function start(): ZoneKeyStore {
  const store = new ZoneKeyStore({ path: join(dir, "keys.db"), masterPath, rng: seededRng(3) });
  open.push(store);
  return store;
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
  return "nothing thrown";
}

test("ZoneKeyStore keeps keys across a restart, and a step is all or nothing", () => {
  const first = start();
  first.step({ add: KEY }, 5);
  const [key] = first.list();
  expect(key).toEqual({ ...KEY, id: key!.id, changedMs: 5 });
  const move = [{ id: key!.id, state: "retiring" as const }];
  // The same public key again cannot be added, so the key does not move either.
  expect(() => first.step({ move, add: KEY }, 6)).toThrow();
  first.close();
  open.pop();
  expect(start().list()).toEqual([key!]);
});

test("ZoneKeyStore refuses to start without the master key, with another, or with changed rows", () => {
  const first = start();
  first.step({ add: KEY }, 5);
  first.close();
  open.pop();
  const kept = readFileSync(masterPath);
  rmSync(masterPath);
  expect(codeOf(start)).toBe("store-corrupt");
  writeFileSync(masterPath, Buffer.alloc(32, 1).toString("base64"));
  expect(codeOf(start)).toBe("store-corrupt");
  writeFileSync(masterPath, "short");
  expect(codeOf(start)).toBe("store-corrupt");
  writeFileSync(masterPath, kept);
  expect(start().list()).toHaveLength(1);
});

test("unseal() opens only the whole envelope, under its own name", () => {
  const rng = seededRng(4);
  const master = rng.bytes(32);
  const sealed = seal(master, { name: "a", secret: Uint8Array.of(1, 2, 3), rng });
  expect([...unseal(master, "a", sealed)]).toEqual([1, 2, 3]);
  expect(() => unseal(master, "b", sealed)).toThrow();
  for (let i = 0; i < sealed.length; i++) {
    const changed = Uint8Array.from(sealed);
    changed[i]! ^= 1;
    expect(() => unseal(master, "a", changed)).toThrow();
  }
});

test("a name server's copy is whole or nothing, and only its owner can read it", async () => {
  const own = mkdtempSync(join(tmpdir(), "turnpike-keys-"));
  const path = join(own, "zone-keys.sealed");
  const file = { path, masterPath: join(own, "zone-keys.secret"), rng: seededRng(4) };
  const read = () => readSealedCopy(file, ZONE_KEYS_COPY);
  expect(await read()).toBeNull();
  const set: ZoneKeySet = { digest: "d", keys: [KEY] };
  await writeSealedCopy(file, ZONE_KEYS_COPY, set);
  await writeSealedCopy(file, ZONE_KEYS_COPY, set);
  expect(await read()).toEqual(set);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const octets = readFileSync(path);
  for (const secret of [KEY.privateKey, "a private key", KEY.zone]) {
    expect([secret, octets.includes(secret)]).toEqual([secret, false]);
  }
  writeFileSync(path, octets.subarray(0, -1));
  expect(await read()).toBeNull();
  rmSync(own, { recursive: true, force: true });
});
