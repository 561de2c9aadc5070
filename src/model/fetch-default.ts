/** What a site that says nothing of how its servers are asked has. Without a parser: browsers read it too. */
export const FETCH_DEFAULT = { moveOn: [404, 410, "5xx"], attempts: 3 } as const;
