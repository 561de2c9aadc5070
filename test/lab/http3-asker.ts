// Asks for `/pass/huge` over HTTP/3, says when its answer began, and waits: ADDRESS PORT HOST.
import { Http3Client } from "./http3-client.ts";

const [address = "", port = "", servername = ""] = process.argv.slice(2);
const client = await Http3Client.open({ address, port: Number(port), servername });
const named = { ":method": "GET", ":scheme": "https", ":authority": servername };
await client.open({ ...named, ":path": "/pass/huge" }, undefined, () => console.log("began"));
await client.closed;
