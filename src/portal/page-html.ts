/** A picture of a turnpike as seen from above: one road, a bar across it. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E" +
  "%3Crect width='32' height='32' rx='7' fill='%230b6e69'/%3E" +
  "%3Cpath d='M8 24V8M8 12h16M24 9v6' stroke='%23fff' stroke-width='3' " +
  "stroke-linecap='round' fill='none'/%3E%3C/svg%3E";

/** Before the first paint: the colour scheme chosen last time, so that a dark page never flashes. */
const SCHEME = `
const kept = (() => { try { return localStorage.getItem("mantine-color-scheme-value"); } catch { return null; } })();
const dark = kept === "dark" || (kept !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
`;

/** The one HTML page. The nonce is base64, the names come from the builder: nothing to escape. */
export function pageHtml(o: { nonce: string; script: string; style: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta property="csp-nonce" nonce="${o.nonce}">
<title>Turnpike</title>
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="/assets/${o.style}">
<script nonce="${o.nonce}">${SCHEME}</script>
<script type="module" nonce="${o.nonce}" src="/assets/${o.script}"></script>
</head>
<body>
<div id="root"></div>
<noscript>Turnpike's portal needs JavaScript. The command line and the API do everything it does.</noscript>
</body>
</html>
`;
}
