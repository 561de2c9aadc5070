import { Menu, Text } from "@mantine/core";
import { useState } from "react";
import type { OriginLive } from "../../../model/api/mod.ts";
import { useChange } from "../api/queries.ts";
import { Confirm } from "./confirm.tsx";
import { ForceMenu } from "./force-menu.tsx";
import { useToast } from "./toast.tsx";

/** What can be done to one web server. */
export function WebServerMenu(props: {
  customer: string;
  hostname: string;
  origin: OriginLive;
  onChange: () => void;
}) {
  const { customer, hostname, origin } = props;
  const [asking, setAsking] = useState(false);
  const patch = useChange("patchOrigin");
  const remove = useChange("deleteOrigin");
  const toast = useToast();
  const params = { customer, hostname, name: origin.name };
  const say = (error: Error) => toast(error.message, { bad: true });

  return (
    <>
      <ForceMenu
        name={origin.name}
        forced={origin.forced}
        patch={{
          busy: patch.isPending,
          error: patch.error,
          send: (body, then) => patch.mutate({ params, body }, then),
        }}
      >
        <Menu.Divider />
        <Menu.Item onClick={props.onChange}>Change…</Menu.Item>
        <Menu.Item onClick={() => setAsking(true)}>Remove…</Menu.Item>
      </ForceMenu>
      <Confirm
        open={asking}
        title={`Remove ${origin.name}?`}
        verb={`Remove ${origin.name}`}
        busy={remove.isPending}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          remove.mutate(
            { params },
            {
              onSuccess: () => toast(`${origin.name} is removed`),
              onError: say,
              onSettled: () => setAsking(false),
            },
          )
        }
      >
        <Text>
          {hostname} is no longer answered with {origin.v4 ?? origin.v6}, and caches fetch nothing
          from it. Users keep the address until its lifetime in their resolvers is over.
        </Text>
      </Confirm>
    </>
  );
}
