import {
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  type MantineThemeOverride,
} from "@mantine/core";

/** The green of motorway signs. Shade 7 carries white text at 6.0:1. */
const sign: MantineColorsTuple = [
  "#e8f7f5",
  "#d2ebe8",
  "#a2d7d1",
  "#6fc2b9",
  "#47b1a6",
  "#2ea69a",
  "#1b8f85",
  "#0b6e69",
  "#085a56",
  "#044542",
];

/** Mantine's greys for the dark scheme, with the page's own hue. */
const dark: MantineColorsTuple = [
  "#dfe5e5",
  "#b9c3c3",
  "#a3adad",
  "#8e9898",
  "#3f4b4c",
  "#303a3b",
  "#232b2c",
  "#1b2223",
  "#151a1b",
  "#101415",
];

export const theme: MantineThemeOverride = createTheme({
  colors: { sign, dark },
  primaryColor: "sign",
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: "md",
  fontFamily:
    'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace:
    'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: {
    fontWeight: "650",
    sizes: {
      h1: { fontSize: "1.5rem", lineHeight: "1.25" },
      h2: { fontSize: "1.125rem", lineHeight: "1.3" },
      h3: { fontSize: "1rem", lineHeight: "1.35" },
    },
  },
  components: {
    // Fields side by side stay in line, whichever of them has a description.
    InputWrapper: {
      defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"] },
    },
  },
  cursorType: "pointer",
  respectReducedMotion: true,
});

/** Mantine's muted and error text is below 4.5:1 on its own backgrounds; ours is above it. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f7f9f9",
    "--mantine-color-dimmed": "#545d63",
    "--mantine-color-placeholder": "#6a7278",
    "--mantine-color-error": "#c02626",
    "--tp-surface": "#ffffff",
    "--tp-line": "#dde3e3",
    "--tp-good": "#157347",
    "--tp-bad": "#c02626",
    "--tp-warn": "#8a5300",
    "--tp-quiet": "#545d63",
    "--tp-track": "#e6ebeb",
    "--tp-shade": "#14191a40",
    "--tp-accent": "#0b6e69",
    "--tp-active": "#d2ebe8",
  },
  dark: {
    "--mantine-color-body": "#14191a",
    "--mantine-color-text": "#dfe5e5",
    "--mantine-color-dimmed": "#a3adad",
    "--mantine-color-placeholder": "#8e9898",
    "--mantine-color-error": "#ff9292",
    "--tp-surface": "#1b2223",
    "--tp-line": "#303a3b",
    "--tp-good": "#5fd39a",
    "--tp-bad": "#ff9292",
    "--tp-warn": "#f0b65a",
    "--tp-quiet": "#a3adad",
    "--tp-track": "#2c3637",
    "--tp-shade": "#000000b0",
    "--tp-accent": "#47b1a6",
    "--tp-active": "#263d3e",
  },
});
