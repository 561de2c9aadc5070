import { KEYS } from "./keys.ts";
import { ACCOUNTS, CLIENTS, NEWS, NODES, PAPER_HOSTNAME, SHOP, SPARE, ZONE } from "./layout.ts";
import type { Stage } from "./stage.ts";

/** The lines that a newcomer can copy, once all is ready. */
export function whatToTry(stage: Stage, more: { readonly keys: boolean }): readonly string[] {
  const { ports } = stage;
  const berlin = CLIENTS[0]!;
  const fra = NODES[0]!;
  const origin = SHOP.origins[0]!;
  // The demo's own users do not ask for it.
  const yours = `http://c.${ZONE}:${ports.http}/${SHOP.hostname}/img/yours.svg`;
  const command = `curl -X POST 127.0.0.1:${ports.command}`;
  const keys = Object.entries(KEYS).map(([key, [, words]]) => `${key} ${words}`);
  return [
    "",
    `Turnpike is up: ${NODES.length} nodes, 2 customers, ${CLIENTS.length} client networks.`,
    "",
    "A page's address is one of the customer's own web servers, the least loaded:",
    `  dig @127.0.0.1 -p ${ports.dns} ${SHOP.hostname} +short`,
    `  curl -i --resolve ${SHOP.hostname}:${ports.http}:${origin.v4} http://${SHOP.hostname}:${ports.http}/`,
    "Static objects come from the best cache for whoever asks:",
    ...CLIENTS.slice(0, 3).map(
      (c) => `  dig @127.0.0.1 -p ${ports.dns} c.${ZONE} +subnet=${c.prefix} +short   # ${c.title}`,
    ),
    `  curl -i --resolve c.${ZONE}:${ports.http}:${fra.v4} ${yours}   # twice: a miss, then a hit`,
    `A resolver of a client network (${berlin.title}), which follows the customers' CNAMEs:`,
    `  dig @${berlin.resolver} -p ${ports.dns} ${NEWS.hostname}`,
    `  dig @127.0.0.1 -p ${ports.dns} ${PAPER_HOSTNAME} +tcp`,
    "",
    `Portal: http://127.0.0.1:${ports.control}/`,
    ...Object.entries(ACCOUNTS).map(
      ([name, who]) => `  ${name.padEnd(8)} ${who.email} / ${who.password}`,
    ),
    `  Sign in as news and add a web server: name ${SPARE.name}, IPv4 ${SPARE.v4} (it is running).`,
    "",
    "Change the world and look again:",
    `  ${command}/origin/shop/fra/cpu/0.95   # also memory/0.97, ftp/400, delay/300, kill, revive`,
    `  ${command}/node/fra-1/cpu/0.97        # also memory, ftp: caches move too`,
    `  ${command}/calm                       # all at rest;  GET / shows the state`,
    ...(more.keys ? [`  keys: ${keys.join(" · ")} · q ends`] : []),
    "",
    "The command line against this network:",
    `  export TURNPIKE_URL=http://127.0.0.1:${ports.control} TURNPIKE_TOKEN=${stage.operator.token}`,
    `  npm run turnpike -- explain ${SHOP.hostname} --client ${berlin.user}`,
    `  npm run turnpike -- apply ${stage.networkPath}`,
    "",
    "Ctrl-C ends all of it.",
  ];
}
