/**
 * Certificates that the network obtains and renews by itself (ACME, RFC 8555): accounts with authorities,
 * orders, and what shows that names are ours. It owns `acme.db` in control's folder, where each name stands
 * with the order under way. What was obtained is kept with uploaded certificates, and reaches caches as they
 * do. Which names, when, and how fast is decided in policy/certificates; the messages are in wire/acme.
 */
export { AcmeBook, type AcmeBookOptions } from "./book.ts";
export { type ObtainedHandlers, obtainedHandlers } from "./handlers.ts";
export type { OpenTransport } from "./transport.ts";
