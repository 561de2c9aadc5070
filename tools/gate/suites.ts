/** The suites of `npm run test:long`: the same tests that `npm test` runs, with higher counts. */
export interface Suite {
  readonly files: readonly string[];
  /** Counts that stay under 20 minutes, or take as long as an issue names. */
  readonly env: Readonly<Record<string, string>>;
  /** Counts that the issues and the threat list name. */
  readonly full: Readonly<Record<string, string>>;
  /** How long it may take without `full`, where that is not 20 minutes. */
  readonly limitSec?: number;
  /** How many files and sockets one process opens with `full`. */
  readonly fullDescriptors?: number;
}

export const SUITES: Readonly<Record<string, Suite>> = {
  "kill-loop": {
    files: ["test/stories/kill-loop.test.ts"],
    env: { TURNPIKE_KILLS: "50" },
    full: { TURNPIKE_KILLS: "50" },
  },
  "purge-fleet": {
    files: ["test/stories/purge-fleet.test.ts"],
    env: { TURNPIKE_PURGE_CACHES: "50", TURNPIKE_PURGES: "40" },
    full: { TURNPIKE_PURGE_CACHES: "50", TURNPIKE_PURGES: "400" },
  },
  "edge-crash": {
    files: ["test/stories/edge-crash.test.ts"],
    env: { TURNPIKE_CACHE_KILLS: "500" },
    full: { TURNPIKE_CACHE_KILLS: "500" },
  },
  "cache-flood": {
    files: ["test/stories/cache-flood.test.ts"],
    env: { TURNPIKE_FLOOD_SEC: "600" },
    full: { TURNPIKE_FLOOD_SEC: "600" },
  },
  "cache-flood-workers": {
    files: ["test/stories/cache-flood-workers.test.ts"],
    env: { TURNPIKE_FLOOD_SEC: "120" },
    full: { TURNPIKE_FLOOD_SEC: "600" },
  },
  "edge-floods": {
    files: ["test/stories/edge-floods.test.ts", "test/stories/edge-framing.test.ts"],
    env: {
      TURNPIKE_FLOOD_FRAMES: "200000",
      TURNPIKE_SLOW_CLIENTS: "4000",
      TURNPIKE_SMUGGLES: "20000",
    },
    full: {
      TURNPIKE_FLOOD_FRAMES: "1000000",
      TURNPIKE_SLOW_CLIENTS: "7500",
      TURNPIKE_SMUGGLES: "100000",
    },
    fullDescriptors: 20_000,
  },
  "edge-http3": {
    files: ["test/stories/edge-http3-threats.test.ts"],
    env: { TURNPIKE_FLOOD_FRAMES: "200000" },
    full: { TURNPIKE_FLOOD_FRAMES: "1000000" },
  },
  "edge-pollution": {
    files: ["test/stories/edge-pollution.test.ts"],
    env: { TURNPIKE_UNIQUE_URLS: "200000" },
    full: { TURNPIKE_UNIQUE_URLS: "1000000" },
  },
  "edge-stalls": {
    files: ["test/stories/edge-stalls.test.ts"],
    env: { TURNPIKE_FLOOD_FRAMES: "1000000", TURNPIKE_STALL_MUTANTS: "5000" },
    full: { TURNPIKE_FLOOD_FRAMES: "1000000", TURNPIKE_STALL_MUTANTS: "100000" },
  },
  "edge-pools": {
    files: ["test/stories/edge-pools.test.ts"],
    env: { TURNPIKE_TLS_ORIGINS: "1000" },
    full: { TURNPIKE_TLS_ORIGINS: "1000" },
  },
  certificates: {
    files: ["test/stories/certificates-rotation.test.ts"],
    env: { TURNPIKE_ROTATIONS: "40", TURNPIKE_CERTIFICATES: "40" },
    full: { TURNPIKE_ROTATIONS: "200", TURNPIKE_CERTIFICATES: "40" },
  },
  names: {
    files: ["test/stories/certificates-many.test.ts"],
    env: { TURNPIKE_NAMES: "20000", TURNPIKE_HANDSHAKES: "2000" },
    full: { TURNPIKE_NAMES: "50000", TURNPIKE_HANDSHAKES: "5000" },
  },
  orders: {
    files: ["test/stories/acme-orders.test.ts"],
    env: { TURNPIKE_ORDER_KILL_EACH: "1" },
    full: { TURNPIKE_ORDER_KILL_EACH: "1" },
  },
  canaries: {
    files: ["test/stories/edge-canaries.test.ts"],
    env: { TURNPIKE_CANARIES: "500000" },
    full: { TURNPIKE_CANARIES: "1000000" },
  },
  soak: {
    files: ["test/stories/edge-soak.test.ts"],
    env: { TURNPIKE_SOAK_SEC: "1200" },
    full: { TURNPIKE_SOAK_SEC: "3600" },
    limitSec: 24 * 60,
  },
  tiers: {
    files: ["test/stories/conformance.test.ts", "test/stories/tiers-purge.test.ts"],
    env: { TURNPIKE_TIERS_EACH: "1", TURNPIKE_TIER_RUNS: "400" },
    full: { TURNPIKE_TIERS_EACH: "1", TURNPIKE_TIER_RUNS: "2000" },
  },
  faults: {
    files: ["test/stories/faults.test.ts", "test/stories/one-dies.test.ts"],
    env: {},
    full: {},
  },
  failover: {
    files: ["test/stories/failover.test.ts"],
    env: { TURNPIKE_DEATHS: "200" },
    full: { TURNPIKE_DEATHS: "200" },
  },
  "real-peers": {
    files: ["test/stories/real-peers.test.ts"],
    env: {},
    full: {},
  },
  "zones-compare": {
    files: ["test/stories/zones-compare.test.ts"],
    env: { TURNPIKE_QUESTIONS: "100000", TURNPIKE_QUESTIONS_TCP: "100000" },
    full: { TURNPIKE_QUESTIONS: "100000", TURNPIKE_QUESTIONS_TCP: "100000" },
  },
  "explain-served": {
    files: ["test/sim/explain-served.test.ts"],
    env: { TURNPIKE_EXPLAINED: "1000000" },
    full: { TURNPIKE_EXPLAINED: "1000000" },
  },
  "dns-fuzz": {
    files: ["test/sim/dns-fuzz.test.ts"],
    env: {
      TURNPIKE_FUZZ: "10000000",
      TURNPIKE_FUZZ_SOCKET: "10000000",
      TURNPIKE_FUZZ_PAIRS: "1000000",
    },
    full: {
      TURNPIKE_FUZZ: "10000000",
      TURNPIKE_FUZZ_SOCKET: "10000000",
      TURNPIKE_FUZZ_PAIRS: "1000000",
    },
  },
  "dns-crowds": {
    files: ["test/stories/dns-crowds.test.ts"],
    env: {
      TURNPIKE_DNS_CROWD: "10000",
      TURNPIKE_DNS_NAMES: "10000000",
      TURNPIKE_DNS_ZONES: "1000",
    },
    full: {
      TURNPIKE_DNS_CROWD: "10000",
      TURNPIKE_DNS_NAMES: "10000000",
      TURNPIKE_DNS_ZONES: "1000",
    },
  },
  coverage: {
    files: ["test/sim/coverage.test.ts"],
    env: { TURNPIKE_COVERAGE: "100" },
    full: { TURNPIKE_COVERAGE: "100" },
  },
  sim: {
    files: ["test/sim/fleet.test.ts"],
    env: { TURNPIKE_SIM: "full" },
    full: { TURNPIKE_SIM: "full" },
  },
  worlds: {
    files: ["test/sim/worlds.test.ts"],
    env: { TURNPIKE_WORLDS: "1000000" },
    full: { TURNPIKE_WORLDS: "1000000" },
  },
  dnssec: {
    files: ["test/stories/dns-resolvers.test.ts"],
    env: { TURNPIKE_DNSSEC_ANSWERS: "10000" },
    full: { TURNPIKE_DNSSEC_ANSWERS: "10000" },
  },
};
