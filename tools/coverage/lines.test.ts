import { expect, test } from "bun:test";
import { readLcov } from "./lines.ts";

const REPORT = `TN:
SF:src/wire/dns/name.ts
DA:1,4
DA:2,0
DA:9,0
LF:3
end_of_record
TN:
SF:src/wire/dns/name.test.ts
DA:1,0
end_of_record
SF:src/wire/ip/mod.ts
DA:1,0
end_of_record
`;

test("readLcov() names the lines that were not run, of the code that is asked about alone", () => {
  expect(readLcov(REPORT, ["src/wire/dns"])).toEqual([
    { file: "src/wire/dns/name.ts", lines: 3, unrun: [2, 9] },
  ]);
});
