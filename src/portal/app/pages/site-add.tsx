import {
  Button,
  Group,
  NativeSelect,
  Paper,
  Radio,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import type { CustomerView, SiteView } from "../../../model/api/mod.ts";
import type { Ask } from "../api/client.ts";
import { useChange, useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { sortProblems } from "../parts/field-problems.ts";
import { useSentFocus } from "../parts/focus.ts";
import { Page } from "../parts/page.tsx";
import { SetUpRecords } from "../parts/set-up-records.tsx";
import { Bars, FormAlert } from "../parts/states.tsx";
import { useToast } from "../parts/toast.tsx";
import { numberIn, useTexts } from "../parts/use-texts.ts";
import { go, Link } from "../router.tsx";
import { pathOf } from "../routes.ts";

/** Where the API may find fault with one of the two web servers: by place in the list, or by name. */
function originPaths(i: number): readonly string[] {
  return [`origins.${i}`, `origins.web-${i + 1}`].flatMap((at) => [
    at,
    ...["v4", "v6", "host", "port"].map((key) => `${at}.${key}`),
  ]);
}

const PATHS = {
  hostname: ["hostname"],
  address: originPaths(0),
  second: originPaths(1),
  scheme: ["scheme"],
  port: ["port"],
  front: ["front"],
  onboarding: ["onboarding"],
  check: ["check.http.path", "http.path", "check.http"],
};
type Field = keyof typeof PATHS;
type Onboarding = SiteView["site"]["onboarding"];

export function SiteAddPage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const toast = useToast();
  const [added, setAdded] = useState<string | null>(null);
  const sites = useRead("listSites", { params: { customer } });
  const view = sites.data?.find((one) => one.site.hostname === added);
  const up = { label: "Sites", href: pathOf("sites", { customer }) };
  if (added === null) {
    return (
      <Page title="Add a site" up={up} words="One host name, and the servers that mirror it">
        <AddForm
          customer={customer}
          taken={sites.data?.map((one) => one.site.hostname) ?? []}
          onAdded={setAdded}
          onPending={(hostname) => {
            toast(`${hostname} waits for a proof that it is yours`);
            go(up.href);
          }}
        />
      </Page>
    );
  }
  return (
    <Page key="added" title={`${added} is published`} up={up} words="One step is left: your DNS">
      {view === undefined ? <Bars heights={[240]} /> : <SetUpRecords view={view} />}
      <Group>
        <Button component={Link} href={pathOf("site", { customer, hostname: added })}>
          See its web servers
        </Button>
      </Group>
    </Page>
  );
}

type Texts = Readonly<Record<Field, string>>;

const FIRST: Texts = {
  ...{ hostname: "", address: "", second: "", scheme: "http", port: "" },
  ...{ front: "servers", onboarding: "cname", check: "/" },
};

function AddForm(props: {
  customer: string;
  taken: readonly string[];
  onAdded: (hostname: string) => void;
  /** It waits for a proof: nothing was changed yet. */
  onPending: (hostname: string) => void;
}) {
  const { customer } = props;
  const { texts, set, field } = useTexts<Field>(FIRST);
  const [own, setOwn] = useState<{ readonly [F in Field]?: string }>({});
  const put = useChange("putSite");
  const about = useRead("readCustomer", { params: { customer } }, { refreshMs: false });
  const problems = sortProblems(put.error, PATHS);
  const errors = { ...problems.fields, ...own };
  const button = useRef<HTMLButtonElement>(null);
  useSentFocus(button, put.isPending);

  function submit(event: FormEvent): void {
    event.preventDefault();
    const hostname = texts.hostname.trim().toLowerCase().replace(/\.$/, "");
    const found = ownProblems({ ...texts, hostname }, props.taken);
    setOwn(found);
    put.reset();
    if (Object.keys(found).length > 0) return;
    put.mutate(
      { params: { customer, hostname }, body: bodyOf(texts) },
      {
        onSuccess: ({ pending }) =>
          pending === undefined ? props.onAdded(hostname) : props.onPending(hostname),
      },
    );
  }

  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate maw={720}>
      <Stack gap="lg">
        <FormAlert words={problems.rest} />
        <TextInput
          label="Host name"
          description="The name users type: the first address"
          placeholder="www.shop.example"
          {...field("hostname", errors.hostname)}
        />
        <ServerFields scheme={texts.scheme} of={(name) => field(name, errors[name])} />
        <FrontChoice value={texts.front} onChange={(front) => set("front", front)} />
        <OnboardingChoice
          value={texts.onboarding}
          onChange={(onboarding) => set("onboarding", onboarding)}
          about={about.data}
          error={errors.onboarding}
        />
        <TextInput
          label="Path to check"
          description="Asked for every second from several places; an answer from 200 to 399 is good"
          {...field("check", errors.check)}
        />
        <Group>
          <Button type="submit" ref={button} loading={put.isPending}>
            Add site
          </Button>
          <Button component={Link} variant="default" href={pathOf("sites", { customer })}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}

/** Where the first web servers are, and how they are asked. */
function ServerFields(props: {
  scheme: string;
  of: (name: Field) => ReturnType<ReturnType<typeof useTexts<Field>>["field"]>;
}) {
  const { of } = props;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <TextInput
        label="Address of the first web server"
        description="IPv4, IPv6, or a host name that leads to it"
        placeholder="192.0.2.10"
        {...of("address")}
      />
      <TextInput
        label="Address of the second"
        description="Empty for now: more servers, names and weights come after this, too"
        placeholder="198.51.100.20"
        {...of("second")}
      />
      <NativeSelect
        label="They are asked by"
        description="By caches and by checks. Users at the first address choose for themselves"
        data={["http", "https"]}
        {...of("scheme")}
      />
      <TextInput
        label="Port"
        description="Of all of them; empty for the usual one"
        placeholder={props.scheme === "https" ? "443" : "80"}
        inputMode="numeric"
        {...of("port")}
      />
    </SimpleGrid>
  );
}

function FrontChoice(props: { value: string; onChange: (value: string) => void }) {
  return (
    <Radio.Group label="Who answers users" value={props.value} onChange={props.onChange}>
      <Stack gap="sm" mt="xs">
        <Radio
          value="servers"
          label="Your web servers"
          description="Each user is led to the least loaded of them; pages name static objects at a second address, which caches answer."
        />
        <Radio
          value="caches"
          label="The network's caches"
          description="All requests come to the nearest cache, which asks your web servers for what it does not hold."
        />
      </Stack>
    </Radio.Group>
  );
}

function OnboardingChoice(props: {
  value: string;
  onChange: (value: string) => void;
  about: CustomerView | undefined;
  error: string | undefined;
}) {
  const zones = props.about?.zones.map((zone) => zone.name) ?? [];
  return (
    <Radio.Group
      label="How the name reaches us"
      value={props.value}
      onChange={props.onChange}
      error={props.error}
    >
      <Stack gap="sm" mt="xs">
        <Radio
          value="cname"
          label="By CNAME"
          description="One record in your DNS, changed in a minute. Not for a zone's own apex."
        />
        <Radio
          value="delegation"
          label="By NS delegation of this one name"
          description="Your DNS passes just this name on to our name servers. One lookup less than a CNAME."
        />
        <Radio
          value="hosted"
          label="In a zone that we host"
          disabled={zones.length === 0}
          description={
            zones.length === 0
              ? "We hold none of your zones yet; the operator adds one. Works at a zone's apex too."
              : `For names in ${zones.join(", ")}, also at the apex.`
          }
        />
      </Stack>
      {zones.length === 0 && props.value === "hosted" && <Text>Choose another way for now.</Text>}
    </Radio.Group>
  );
}

function ownProblems(texts: Texts, taken: readonly string[]): { readonly [F in Field]?: string } {
  const found: { [F in Field]?: string } = {};
  if (texts.hostname === "") found.hostname = "Give the host name, such as www.shop.example";
  if (taken.includes(texts.hostname)) found.hostname = "You have a site of this name already";
  if (texts.address.trim() === "") found.address = "Give the address of one web server";
  if (texts.second.trim() !== "" && texts.second.trim() === texts.address.trim()) {
    found.second = "This is the first one's";
  }
  if (texts.port.trim() !== "" && Number.isNaN(numberIn(texts.port))) {
    found.port = "Expected a port from 1 to 65535";
  }
  return found;
}

function bodyOf(texts: Texts): Ask<"putSite">["body"] {
  const addresses = [texts.address.trim(), texts.second.trim()].filter((text) => text !== "");
  return {
    onboarding: texts.onboarding as Onboarding,
    front: texts.front === "caches" ? "caches" : "servers",
    scheme: texts.scheme === "https" ? "https" : "http",
    ...(texts.port.trim() === "" ? {} : { port: numberIn(texts.port) }),
    check: { http: { path: texts.check.trim() === "" ? "/" : texts.check.trim() } },
    origins: addresses.map((address, i) => ({ name: `web-${i + 1}`, ...familyOf(address) })),
  };
}

/** What is no number with points or colons is taken for a name; the API has the last word. */
function familyOf(address: string): { v4: string } | { v6: string } | { host: string } {
  if (address.includes(":")) return { v6: address };
  return /^[\d.]+$/.test(address) ? { v4: address } : { host: address.toLowerCase() };
}
