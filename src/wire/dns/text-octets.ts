/**
 * Octets in the ways that master files write them: strings with `\DDD` and `\X` (RFC 1035 5.1),
 * hexadecimal digits and base64. Text beyond ASCII stands for its UTF-8.
 */

/** Null when an escape is wrong. */
export function parseEscaped(text: string): Uint8Array | null {
  const out: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i)!;
    if (code === 0x5c) {
      const digits = /^\d{3}/.exec(text.slice(i + 1, i + 4))?.[0];
      const next = text.charCodeAt(i + 1);
      const octet = digits === undefined ? next : Number(digits);
      const bare = digits === undefined && /\d/.test(text[i + 1] ?? "");
      if (!(octet <= 255) || bare || (digits === undefined && next > 126)) return null;
      out.push(octet);
      i += digits === undefined ? 1 : 3;
    } else if (code < 0x80) out.push(code);
    else {
      out.push(...new TextEncoder().encode(String.fromCodePoint(code)));
      if (code > 0xffff) i++;
    }
  }
  return Uint8Array.from(out);
}

/** Between quotes; `"` and `\` escaped, and octets that are not printable ASCII as `\DDD`. */
export function formatQuoted(octets: Uint8Array): string {
  let out = '"';
  for (const octet of octets) {
    if (octet === 0x22 || octet === 0x5c) out += `\\${String.fromCharCode(octet)}`;
    else if (octet >= 0x20 && octet < 0x7f) out += String.fromCharCode(octet);
    else out += `\\${String(octet).padStart(3, "0")}`;
  }
  return `${out}"`;
}

export function parseHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return null;
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

export function formatHex(octets: Uint8Array): string {
  let out = "";
  for (const octet of octets) out += octet.toString(16).padStart(2, "0");
  return out;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function parseBase64(text: string): Uint8Array | null {
  if (!BASE64.test(text)) return null;
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}

export function formatBase64(octets: Uint8Array): string {
  let binary = "";
  for (const octet of octets) binary += String.fromCharCode(octet);
  return btoa(binary);
}
