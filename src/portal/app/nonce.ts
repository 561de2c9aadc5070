/** The nonce of this page's Content-Security-Policy: every style element made here carries it. */
export function nonce(): string {
  return document.querySelector<HTMLElement>('meta[property="csp-nonce"]')?.nonce ?? "";
}
