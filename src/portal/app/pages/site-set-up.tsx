import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useMayEdit } from "../api/lives.ts";
import { useChange } from "../api/queries.ts";
import { Confirm } from "../parts/confirm.tsx";
import { formatNumber } from "../parts/format.ts";
import { SetUpRecords } from "../parts/set-up-records.tsx";
import { SiteSetUpState } from "../parts/set-up-state.tsx";
import { SiteSettingsForm } from "../parts/site-settings-form.tsx";
import { useToast } from "../parts/toast.tsx";
import { go } from "../router.tsx";
import { pathOf } from "../routes.ts";
import type { SiteTabProps } from "./site.tsx";

export function SetUpTab(props: SiteTabProps) {
  const { customer, view } = props;
  const mayEdit = useMayEdit();
  const [changing, setChanging] = useState(false);
  return (
    <Stack>
      <SiteSetUpState customer={customer} hostname={view.site.hostname} />
      <SetUpRecords view={view} />
      {changing ? (
        <SiteSettingsForm customer={customer} view={view} onClose={() => setChanging(false)} />
      ) : (
        <Settings {...props} onChange={mayEdit ? () => setChanging(true) : null} />
      )}
      {mayEdit && <Remove customer={customer} hostname={view.site.hostname} />}
    </Stack>
  );
}

function Settings(props: SiteTabProps & { onChange: (() => void) | null }) {
  const { site } = props.view;
  const { check, steering } = site;
  const kinds = [
    check.http === null ? null : `HTTP ${check.http.path}`,
    check.tcp ? "TCP" : null,
    check.ftp === null ? null : "FTP",
  ].filter((kind) => kind !== null);
  const rows: readonly (readonly [string, string])[] = [
    ["First address answered with", site.front === "servers" ? "your web servers" : "caches"],
    ["Steering", `${steering.preset}, margin ${steering.margin}`],
    [
      "When all are down",
      steering.fallback ?? (steering.allDown === "all" ? "answer with all of them" : "no address"),
    ],
    [
      "Checks",
      `${kinds.join(", ")} every ${check.intervalMs / 1000} s, limit ${check.timeoutMs} ms`,
    ],
    [
      "Counts as down",
      `after ${formatNumber(check.fall, "failure")}; up again after ${formatNumber(check.rise, "pass", "passes")}`,
    ],
    ["Response time that counts as full load", `${site.limitMs} ms`],
    ["Answers live for", `${site.ttlSec} s; ${site.youngTtlSec} s while health changes`],
  ];
  return (
    <Paper className="tp-card" p="lg" component="section">
      <Group justify="space-between" mb="sm">
        <Title order={2}>Settings</Title>
        {props.onChange !== null && (
          <Button variant="default" onClick={props.onChange}>
            Change settings
          </Button>
        )}
      </Group>
      <dl className="tp-facts">
        {rows.map(([name, value]) => (
          <div key={name} className="tp-fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Paper>
  );
}

function Remove(props: { customer: string; hostname: string }) {
  const { customer, hostname } = props;
  const [asking, setAsking] = useState(false);
  const remove = useChange("deleteSite");
  const toast = useToast();
  return (
    <Paper className="tp-card" p="lg" component="section">
      <Group justify="space-between">
        <div>
          <Title order={2}>Remove this site</Title>
          <Text c="dimmed" size="sm">
            First take its records out of your DNS: after this, nobody answers for the name.
          </Text>
        </div>
        <Button variant="default" onClick={() => setAsking(true)}>
          Remove the site…
        </Button>
      </Group>
      <Confirm
        open={asking}
        title={`Remove ${hostname}?`}
        verb={`Remove ${hostname}`}
        busy={remove.isPending}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          remove.mutate(
            { params: { customer, hostname } },
            {
              onSuccess: () => {
                toast(`${hostname} is removed`);
                go(pathOf("sites", { customer }));
              },
              onError: (error) => {
                setAsking(false);
                toast(error.message, { bad: true });
              },
            },
          )
        }
      >
        <Text>
          Its web servers and settings are forgotten, caches drop what they hold of it, and its
          CNAME target is never given to anybody else.
        </Text>
      </Confirm>
    </Paper>
  );
}
