import { realClock } from "../../base/real/clock.ts";
import { checkContract } from "./check.contract.ts";
import { checkTcp } from "./tcp.ts";

checkContract({
  name: "checkTcp()",
  run: (port, timeoutMs) => checkTcp({ address: "127.0.0.1", port, timeoutMs, clock: realClock }),
  right: () => {},
  endlessHead: "",
  trickleHead: "",
  lies: {},
  // Whoever accepts is up: what is said afterwards is no matter of this check.
  verdicts: {
    silent: "",
    garbage: "",
    endless: "",
    endlessGarbage: "",
    hangsUp: "",
    resets: "",
    trickles: "",
  },
});
