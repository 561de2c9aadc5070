const encoder = new TextEncoder();

/** One DER value: tag, length, content (X.690 8.1). Content of less than 16 MiB. */
export function tagged(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = joined(parts);
  const head = [tag, ...lengthOf(content.length)];
  const value = new Uint8Array(head.length + content.length);
  value.set(head);
  value.set(content, head.length);
  return value;
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x1_0000) return [0x82, length >>> 8, length & 0xff];
  return [0x83, length >>> 16, (length >>> 8) & 0xff, length & 0xff];
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tagged(0x30, ...parts);
}

export function set(...parts: readonly Uint8Array[]): Uint8Array {
  return tagged(0x31, ...parts);
}

/** An object identifier as its content's octets, in hex. */
export function oid(hex: string): Uint8Array {
  const octets = hex.match(/../g) ?? [];
  return tagged(
    0x06,
    Uint8Array.from(octets, (octet) => Number.parseInt(octet, 16)),
  );
}

export function octetString(...parts: readonly Uint8Array[]): Uint8Array {
  return tagged(0x04, ...parts);
}

/** A bit string of whole octets. */
export function bitString(octets: Uint8Array): Uint8Array {
  return tagged(0x03, Uint8Array.of(0), octets);
}

/** ASCII as the content of a value with this tag. */
export function text(tag: number, words: string): Uint8Array {
  return tagged(tag, encoder.encode(words));
}

/** The extension subjectAltName with these DNS names (RFC 5280 4.2.1.6). */
export function subjectAltName(names: readonly string[]): Uint8Array {
  const general = names.map((name) => text(0x82, name));
  return sequence(oid("551d11"), octetString(sequence(...general)));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
