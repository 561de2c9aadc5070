import { z } from "zod";

const pem = (label: RegExp, words: string) =>
  z
    .string()
    .max(65_536)
    .regex(label, { message: `expected ${words} in PEM` });

const value = z.string().regex(/^[\x21-\x7e]{16,512}$/, {
  message: "expected 16 to 512 printable ASCII characters without spaces",
});

const certificate = z.strictObject({
  kind: z.literal("certificate"),
  certificate: pem(/^\s*-----BEGIN CERTIFICATE-----/, "a certificate and those above it"),
  privateKey: pem(/^\s*-----BEGIN (EC |RSA )?PRIVATE KEY-----/, "its private key, unencrypted"),
});
const accessKey = z.strictObject({
  kind: z.literal("access-key"),
  id: z.string().regex(/^[\w.-]{3,128}$/, { message: "expected an access key id" }),
  secret: z.string().regex(/^[\x21-\x7e]{8,256}$/, { message: "expected a secret access key" }),
});

/**
 * By what a cache shows a customer's web servers that it is one: a value in a field of each request, a
 * client certificate, or a key of an S3-compatible store.
 */
export const originCredential = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("value"), value }),
  certificate,
  accessKey,
]);
export type OriginCredential = z.infer<typeof originCredential>;

/** As it is given: a value may be left to be made. */
export const credentialGiven = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("value"),
    value: value.optional().meta({ description: "Default: 32 random bytes" }),
  }),
  certificate,
  accessKey,
]);

/**
 * A credential of a customer's by name. Travels only from control to caches and probes: never in a
 * snapshot, a log or an API's answer but the one that made it.
 */
export interface NamedCredential {
  readonly customer: string;
  readonly name: string;
  readonly credential: OriginCredential;
}

export interface OriginCredentialSet {
  /** Changes when anything in `credentials` does. */
  readonly digest: string;
  readonly credentials: readonly NamedCredential[];
}

/** The credential of that name; null: there is none here. */
export type FindCredential = (customer: string, name: string) => OriginCredential | null;
