import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { seededRng } from "../base/rng.ts";
import type { EdgeCertificate, EdgeCertificateSet } from "../model/certificate.ts";
import { CERTIFICATES_COPY } from "./certificates-disk.ts";
import { seal, sealParts, unseal } from "./sealed.ts";
import { jsonParts, readSealedCopy, writeSealedCopy } from "./sealed-copy.ts";
import { writeSecretFile } from "./secret-file.ts";

const dir = mkdtempSync(join(tmpdir(), "turnpike-copies-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function certificate(i: number): EdgeCertificate {
  const { id, name } = { id: String(i), name: `s${i}.shop.example` };
  const times = { notBeforeMs: 0, notAfterMs: i };
  return {
    ...{ id, customer: "shop", name, names: [name] },
    ...times,
    cert: "c".repeat(999),
    key: "k",
  };
}

test("jsonParts() together are what JSON.stringify() says, whatever lists are in it and however long", () => {
  const field = fc.oneof(
    fc.jsonValue(),
    fc.constant(undefined),
    fc.array(fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constant(undefined)), { maxLength: 99 }),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.string(), field), (value) => {
      expect([...jsonParts(value)].join("")).toBe(JSON.stringify(value));
    }),
  );
});

test("sealParts() make the envelope that seal() makes, wherever the secret is cut", () => {
  const master = seededRng(1).bytes(32);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 9 }), (parts) => {
      const secret = Buffer.concat(parts);
      const whole = seal(master, { name: "a", secret, rng: seededRng(2) });
      const cut = Buffer.concat([...sealParts(master, { name: "a", parts, rng: seededRng(2) })]);
      expect(cut.equals(whole)).toBe(true);
      expect(Buffer.from(unseal(master, "a", cut)).equals(secret)).toBe(true);
    }),
  );
});

test("a copy of many certificates is written part by part, and is whole", async () => {
  const [path, masterPath] = [join(dir, "many.sealed"), join(dir, "many.secret")];
  const file = { path, masterPath, rng: seededRng(3) };
  const certificates = Array.from({ length: 3_000 }, (_, i) => certificate(i));
  const set: EdgeCertificateSet = { digest: "many", certificates };
  const parts = [...jsonParts(set)];
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(100_000);
  await writeSealedCopy(file, CERTIFICATES_COPY, set);
  expect(await readSealedCopy(file, CERTIFICATES_COPY)).toEqual(set);
  expect(readdirSync(dir).sort()).toEqual(["many.sealed", "many.secret"]);
  expect(readFileSync(path).includes("shop.example")).toBe(false);
});

test("a part of a secret file is asked for once those before it are written", async () => {
  const path = join(dir, "parts");
  const written: number[] = [];
  function* parts() {
    for (let i = 0; i < 5; i++) {
      written.push(statSync(`${path}.tmp`).size);
      yield Buffer.alloc(1_000, i);
    }
  }
  await writeSecretFile(path, parts());
  expect(written).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
  expect([statSync(path).size, statSync(path).mode & 0o777]).toEqual([5_000, 0o600]);
  rmSync(path);
});
