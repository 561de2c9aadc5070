import { type DerValue, readDer } from "../der/mod.ts";
import { base64url } from "./base64url.ts";

const AUTHORITY_KEY = "551d23";

/**
 * What a certificate is called when its authority is asked when to renew it (RFC 9773 4.1): its issuer's
 * key identifier and its serial number; null where it has none, or is no certificate.
 *
 * @param der the certificate
 */
export function certificateId(der: Uint8Array): string | null {
  const body = inside(readDer(der)?.[0])?.[0];
  const fields = inside(body);
  if (fields === null) return null;
  const serial = fields.find(({ tag }) => tag === 0x02);
  const extensions = inside(inside(fields.find(({ tag }) => tag === 0xa3))?.[0]);
  for (const extension of extensions ?? []) {
    const [id, ...rest] = inside(extension) ?? [];
    if (id?.tag !== 0x06 || hexOf(id.content) !== AUTHORITY_KEY) continue;
    const value = rest.find(({ tag }) => tag === 0x04);
    const parts = value === undefined ? null : inside(readDer(value.content)?.[0]);
    const key = parts?.find(({ tag }) => tag === 0x80);
    if (key === undefined || serial === undefined) return null;
    return `${base64url(key.content)}.${base64url(serial.content)}`;
  }
  return null;
}

function inside(value: DerValue | undefined): readonly DerValue[] | null {
  return value === undefined ? null : readDer(value.content);
}

function hexOf(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
}
