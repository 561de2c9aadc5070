import { base64urlText } from "./base64url.ts";

/** A P-256 key's public half (RFC 7518 6.2.1). */
export interface PublicJwk {
  readonly crv: "P-256";
  readonly kty: "EC";
  readonly x: string;
  readonly y: string;
}

/** Who signs: an account that has its URL, or a key that asks for one (RFC 8555 6.2). */
export type Signer = { readonly kid: string } | { readonly jwk: PublicJwk };

/** A message whose signature is missing: what is signed, and how the whole looks with it. */
export interface Unsigned {
  /** ASCII; signed with ES256, or HS256 where `alg` says so. */
  readonly input: string;
  /** @param signature in base64url */
  readonly signed: (signature: string) => string;
}

/**
 * A request to a certificate authority (RFC 8555 6.2): flattened JWS, ES256.
 *
 * @param o payload: null asks for what is at the URL (POST-as-GET, 6.3)
 */
export function request(o: {
  readonly url: string;
  readonly nonce: string;
  readonly by: Signer;
  readonly payload: unknown;
}): Unsigned {
  const { url, nonce, by, payload } = o;
  const text = payload === null ? "" : JSON.stringify(payload);
  return jws({ alg: "ES256", ...by, nonce, url }, text);
}

/** What binds an account to one that the authority knows already (RFC 8555 7.3.4): HS256. */
export function externalBinding(o: {
  readonly kid: string;
  readonly url: string;
  readonly jwk: PublicJwk;
}): Unsigned {
  return jws({ alg: "HS256", kid: o.kid, url: o.url }, JSON.stringify(o.jwk));
}

function jws(header: object, payload: string): Unsigned {
  const head = base64urlText(JSON.stringify(header));
  const body = base64urlText(payload);
  return {
    input: `${head}.${body}`,
    signed: (signature) => JSON.stringify({ protected: head, payload: body, signature }),
  };
}

/** What is hashed (SHA-256) for a key's thumbprint: its members in order, no space (RFC 7638 3). */
export function thumbprintInput({ crv, kty, x, y }: PublicJwk): string {
  return JSON.stringify({ crv, kty, x, y });
}

/** RFC 8555 8.1: what a challenge is answered with. */
export function keyAuthorization(token: string, thumbprint: string): string {
  return `${token}.${thumbprint}`;
}
