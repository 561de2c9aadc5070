/** Every fault of the world: who caused it, whether to try again, and the words that may leave. */
export const FAULT_CODES = {
  "bus-timeout": ["peer", "yes", "Another part of the network did not answer in time"],
  "bus-no-responder": ["peer", "yes", "The part of the network that answers this is not running"],
  "origin-refused": ["origin", "yes", "The web server refused the connection"],
  "origin-timeout": ["origin", "yes", "The web server did not answer in time"],
  "origin-unreached": ["origin", "yes", "The web server did not take the connection in time"],
  "origin-no-tls": ["origin", "yes", "The web server does not speak TLS as it should"],
  "origin-untrusted": ["origin", "yes", "The web server's certificate is not good for its site"],
  "origin-broken": ["origin", "yes", "The web server's answer is not valid HTTP"],
  "origin-forbidden-address": ["origin", "no", "The web server's address is not allowed"],
  "no-origin": ["origin", "yes", "No web server of this site can be used"],
  "store-busy": ["store", "yes", "The database is busy"],
  "store-corrupt": ["store", "no", "The database cannot be read"],
  "store-full": ["store", "no", "The disk is full"],
  "snapshot-corrupt": ["self", "no", "The stored snapshot cannot be read"],
  "snapshot-missing": ["self", "yes", "No snapshot has been published yet"],
  "port-in-use": ["self", "no", "A port that is needed is in use"],
  "port-forbidden": ["self", "no", "This process may not listen on that port"],
  "data-unusable": ["self", "no", "The data folder cannot be used"],
  "address-unavailable": ["self", "no", "An address to listen on is not one of this machine"],
  "ca-unreachable": ["peer", "yes", "The certificate authority did not answer"],
  "ca-broken": ["peer", "yes", "The certificate authority's answer is not valid"],
  "ca-refused": ["peer", "yes", "The certificate authority refused"],
  "challenge-not-held": ["self", "yes", "Not every server of the network shows what was asked for"],
  "caa-forbids": ["client", "yes", "A CAA record of the name forbids the authority to issue"],
  "name-elsewhere": ["client", "yes", "The name does not lead to the caches of this network"],
  "not-found": ["client", "no", "There is nothing at this name"],
  conflict: ["client", "no", "It does not go with what is there, which others may have changed"],
  "not-signed-in": ["client", "no", "Sign in first"],
  "not-allowed": ["client", "no", "Your role does not allow this"],
  "too-many-requests": ["client", "yes", "Too many requests; wait and try again"],
  "bad-input": ["client", "no", "The input has problems"],
} as const satisfies Record<
  string,
  readonly ["client" | "origin" | "peer" | "store" | "self", "no" | "yes" | "if-reused", string]
>;

export type FaultCode = keyof typeof FAULT_CODES;
