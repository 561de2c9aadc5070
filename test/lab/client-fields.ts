/**
 * Names of request fields that attackers try, for whoever holds caches against threat H8: what a client says
 * in them must not come back to the next one.
 */

/** What servers and frameworks take for the request's real host, path, method, scheme or client. */
export const STANDING_IN: readonly string[] = (
  "ali-cdn-real-ip base-url cf-connecting-ip cf-connecting-ipv6 cf-ipcountry cf-pseudo-ipv4 cf-visitor " +
  "client-ip cloudfront-forwarded-proto cloudfront-viewer-address cloudfront-viewer-country " +
  "do-connecting-ip fastly-client-ip fastly-ssl fly-client-ip forwarded front-end-https http-client-ip " +
  "http-method-override incap-client-ip method-override proxy proxy-host proxy-url real-ip remote-addr " +
  "request-uri translate true-client-ip uri url wl-proxy-client-ip x-accel-mapping x-accel-redirect " +
  "x-appengine-country x-appengine-user-ip x-arr-ssl x-azure-clientip x-backend-host x-client-country " +
  "x-client-ip x-cluster-client-ip x-device-class x-envoy-external-address x-envoy-original-path " +
  "x-forward-for x-forwarded x-forwarded-by x-forwarded-client-cert x-forwarded-for x-forwarded-host " +
  "x-forwarded-path x-forwarded-port x-forwarded-prefix x-forwarded-proto x-forwarded-scheme " +
  "x-forwarded-server x-forwarded-ssl x-forwarded-uri x-forwarded-user x-forwarder-for x-host " +
  "x-http-host-override x-http-method x-http-method-override x-invoke-path x-invoke-status " +
  "x-matched-path x-method x-method-override x-middleware-prefetch x-middleware-subrequest " +
  "x-now-route-matches x-original-for x-original-forwarded-for x-original-host x-original-method " +
  "x-original-remote-addr x-original-uri x-original-url x-originating-ip x-proxy-url x-proxyuser-ip " +
  "x-real-host x-real-ip x-remote-addr x-remote-ip x-request-uri x-rewrite-path x-rewrite-url x-scheme " +
  "x-sendfile-type x-sucuri-clientip x-true-client-ip x-uri x-url x-url-scheme x-vercel-forwarded-for"
).split(" ");

/** What servers may answer by as they like: at first addresses they get it, and are to say so in Vary. */
export const OTHERS: readonly string[] = (
  "accept accept-charset accept-datetime accept-language cache-control content-type destination " +
  "dnt expect-ct from max-forwards origin pragma priority profile referer sec-ch-ua " +
  "sec-fetch-site transformation upgrade-insecure-requests user-agent warning " +
  "x-amz-website-redirect-location x-arbitrary x-correlation-id x-csrf-token x-request-id x-wap-profile"
).split(" ");

/** Under a name with underscores many servers take a field for the one with hyphens. */
export const UNDERSCORED: readonly string[] = [...STANDING_IN, ...OTHERS]
  .filter((name) => name.includes("-"))
  .flatMap((name) => [name.replaceAll("-", "_"), name.replace("-", "_")]);

/** Each with words that are found wherever they come back. */
export function canaries(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, `canary-${name}`]));
}
