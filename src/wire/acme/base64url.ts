/** Base64 for URLs without padding (RFC 4648 5, RFC 8555 6.1). */
export function base64url(octets: Uint8Array): string {
  let binary = "";
  for (const octet of octets) binary += String.fromCharCode(octet);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Of a text in UTF-8. */
export function base64urlText(text: string): string {
  return base64url(new TextEncoder().encode(text));
}
