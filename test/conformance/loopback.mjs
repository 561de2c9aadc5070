// Preloaded into the suite's server, which names no host when it listens: it is kept on one
// loopback address.
import { Server } from "node:net";

const { listen } = Server.prototype;
Server.prototype.listen = function onLoopback(port) {
  return listen.call(this, Number(port), process.env.CONFORMANCE_HOST ?? "127.0.0.1");
};
