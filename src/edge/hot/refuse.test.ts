import { expect, test } from "bun:test";
import { parseList } from "structured-headers";
import { type Refusal, refusals, refuse } from "./refuse.ts";

/** Types of errors that a proxy may name (RFC 9209 2.3, the registry). */
const TYPES = new Set([
  ...["dns_timeout", "dns_error", "destination_not_found", "destination_unavailable"],
  ...["destination_ip_prohibited", "destination_ip_unroutable", "connection_refused"],
  ...["connection_terminated", "connection_timeout", "connection_read_timeout"],
  ...["connection_write_timeout", "connection_limit_reached", "tls_protocol_error"],
  ...["tls_certificate_error", "tls_alert_received", "http_request_error", "http_request_denied"],
  ...["http_response_incomplete", "http_response_header_section_size"],
  ...["http_response_header_size", "http_response_body_size", "http_response_trailer_section_size"],
  ...[
    "http_response_trailer_size",
    "http_response_transfer_coding",
    "http_response_content_coding",
  ],
  ...[
    "http_response_timeout",
    "http_upgrade_failed",
    "http_protocol_error",
    "proxy_internal_response",
  ],
  ...["proxy_internal_error", "proxy_configuration_error", "proxy_loop_detected"],
]);

for (const [made, refusal] of Object.entries<Refusal>(refusals)) {
  test(`${made} says in Proxy-Status what RFC 9209 knows, whatever the node is called`, () => {
    for (const node of ["edge-1", "1-lon"]) {
      const response = refuse(refusal, node);
      const list = parseList(response.headers.get("proxy-status") ?? "");
      expect(list.map(([name]) => String(name))).toEqual([node]);
      const params = list[0]![1];
      expect(TYPES.has(String(params.get("error")))).toBe(true);
      expect(params.get("details")).toBe(refusal.details);
      expect([response.status, response.headers.get("cache-control")]).toEqual([
        ...[refusal.status, "no-store"],
      ]);
    }
  });
}
