/** Numbers of the DNS that we name (IANA "Domain Name System (DNS) Parameters"). */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  SVCB: 64,
  HTTPS: 65,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
  /** Ours and PowerDNS', of the private range: answered as the addresses of its target. */
  ALIAS: 65401,
} as const;

export const CLASS = { IN: 1, CH: 3, NONE: 254, ANY: 255 } as const;

export const OPCODE = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5 } as const;

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  NOTAUTH: 9,
  NOTZONE: 10,
  /** Extended: the upper eight bits travel in the OPT record (RFC 6891 6.1.3). */
  BADVERS: 16,
  BADCOOKIE: 23,
} as const;

export const OPTION = {
  NSID: 3,
  CLIENT_SUBNET: 8,
  COOKIE: 10,
  PADDING: 12,
  EXTENDED_ERROR: 15,
} as const;

/** Why a query was not answered as asked (RFC 8914 4). */
export const EXTENDED_ERROR = {
  OTHER: 0,
  NOT_READY: 14,
  PROHIBITED: 18,
  NOT_AUTHORITATIVE: 20,
  NOT_SUPPORTED: 21,
} as const;

/** The second octet pair of the header (RFC 1035 4.1.1, RFC 4035 3.1.6). */
export const FLAG = {
  RESPONSE: 0x8000,
  AUTHORITATIVE: 0x0400,
  TRUNCATED: 0x0200,
  RECURSION_DESIRED: 0x0100,
  RECURSION_AVAILABLE: 0x0080,
  AUTHENTIC_DATA: 0x0020,
  CHECKING_DISABLED: 0x0010,
} as const;

export const HEADER_BYTES = 12;
/** RFC 1035 2.3.4: octets of a name on the wire, with length octets and the root. */
export const NAME_BYTES_MAX = 255;
export const LABEL_BYTES_MAX = 63;
/** What is said without EDNS (RFC 1035 4.2.1), and what no path is known to fragment. */
export const UDP_BYTES_PLAIN = 512;
export const UDP_BYTES_EDNS = 1232;
export const MESSAGE_BYTES_MAX = 65_535;
