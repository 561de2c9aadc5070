import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  Group,
  Menu,
  NavLink,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import type { Session } from "../../../model/api/mod.ts";
import { useChange, useSetSession } from "../api/queries.ts";
import { go, Link, usePath } from "../router.tsx";
import { type Place, pathOf } from "../routes.ts";
import { useToast } from "./toast.tsx";

/** The frame of every page: the bar at the top, the places one can go to, and the page. */
export function Shell(props: { session: Session; place: Place | null; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const path = usePath();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes when the page changes
  useEffect(() => setOpen(false), [path]);
  const customer = props.place?.params.customer ?? props.session.customer;
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: "sm", collapsed: { mobile: !open } }}
      padding="lg"
    >
      <a className="tp-skip" href="#main">
        Skip to the page
      </a>
      <AppShell.Header className="tp-bar">
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={open}
              onClick={() => setOpen(!open)}
              hiddenFrom="sm"
              size="sm"
              aria-label={open ? "Close the menu" : "Open the menu"}
              aria-expanded={open}
            />
            <Brand short />
          </Group>
          <Group gap="xs" wrap="nowrap">
            <SchemeSwitch />
            <WhoMenu session={props.session} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" className="tp-bar tp-places" data-open={open} aria-label="Main">
        {props.session.kind === "operator" && <OperatorNav path={path} />}
        {customer !== null && customer !== undefined && (
          <CustomerNav path={path} customer={customer} titled={props.session.kind === "operator"} />
        )}
      </AppShell.Navbar>
      <AppShell.Main id="main">
        <div className="tp-page">{props.children}</div>
      </AppShell.Main>
    </AppShell>
  );
}

/** `short`: where there is little room, its word is for screen readers only. */
export function Brand(props: { short?: true }) {
  return (
    <Link href="/" className="tp-brand">
      <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="#0b6e69" />
        <path
          d="M8 24V8M8 12h16M24 9v6"
          stroke="#fff"
          strokeWidth="3"
          strokeLinecap="round"
          fill="none"
        />
      </svg>
      <span className={props.short === true ? "tp-brand-word" : undefined}>Turnpike</span>
    </Link>
  );
}

function NavItem(props: { label: string; href: string; path: string }) {
  const active = props.path === props.href || props.path.startsWith(`${props.href}/`);
  return (
    <NavLink
      component={Link}
      href={props.href}
      label={props.label}
      active={active}
      aria-current={active ? "page" : undefined}
      className="tp-nav"
      variant="light"
    />
  );
}

function OperatorNav(props: { path: string }) {
  const inside = props.path.startsWith("/customers/");
  return (
    <>
      <Text className="tp-nav-head">Network</Text>
      <NavItem label="Customers" href={pathOf("customers")} path={inside ? "" : props.path} />
      <NavItem label="Nodes" href={pathOf("nodes")} path={props.path} />
      <NavItem label="Snapshots" href={pathOf("snapshots")} path={props.path} />
      <NavItem label="Try a network file" href={pathOf("draft")} path={props.path} />
      <NavItem label="Certificates" href={pathOf("networkCertificates")} path={props.path} />
      <NavItem label="Audit log" href={pathOf("audit")} path={props.path} />
    </>
  );
}

function CustomerNav(props: { path: string; customer: string; titled: boolean }) {
  const { customer } = props;
  const sites = pathOf("sites", { customer });
  const zones = pathOf("zones", { customer });
  const isAdding = (page: "siteAdd" | "zoneAdd") => props.path === pathOf(page, { customer });
  return (
    <>
      {props.titled && <Text className="tp-nav-head">{customer}</Text>}
      <NavItem label="Sites" href={sites} path={isAdding("siteAdd") ? sites : props.path} />
      <NavItem label="Zones" href={zones} path={isAdding("zoneAdd") ? zones : props.path} />
      <NavItem label="Certificates" href={pathOf("certificates", { customer })} path={props.path} />
      <NavItem label="Credentials" href={pathOf("credentials", { customer })} path={props.path} />
      <NavItem label="Usage" href={pathOf("usage", { customer })} path={props.path} />
      <NavItem label="Invoices" href={pathOf("invoices", { customer })} path={props.path} />
      {!props.titled && <NavItem label="Audit log" href={pathOf("audit")} path={props.path} />}
    </>
  );
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  const words = dark ? "Use light colours" : "Use dark colours";
  return (
    <ActionIcon
      variant="default"
      size="lg"
      onClick={() => setColorScheme(dark ? "light" : "dark")}
      aria-label={words}
      title={words}
    >
      <svg
        width="18"
        height="18"
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        aria-hidden="true"
      >
        {dark ? (
          <>
            <circle cx="12" cy="12" r="4" />
            <path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4" />
          </>
        ) : (
          <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z" />
        )}
      </svg>
    </ActionIcon>
  );
}

function WhoMenu(props: { session: Session }) {
  const signOut = useChange("signOut");
  const setSession = useSetSession();
  const toast = useToast();
  function leave(): void {
    signOut.mutate(
      {},
      {
        onSuccess: () => {
          setSession(null);
          go("/", { replace: true });
        },
        onError: (error) => toast(`You are still signed in: ${error.message}`, { bad: true }),
      },
    );
  }
  return (
    <Menu position="bottom-end" withinPortal={false}>
      <Menu.Target>
        <Button variant="default" className="tp-who">
          <span className="tp-who-text">{props.session.email}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {props.session.kind === "operator" ? "Operator" : `Member, ${props.session.role}`}
        </Menu.Label>
        <Menu.Item onClick={() => go(pathOf("account"))}>Account and tokens</Menu.Item>
        <Menu.Item onClick={leave}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
