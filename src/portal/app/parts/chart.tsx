import { Paper, Text, Title, useComputedColorScheme } from "@mantine/core";
import { useEffect, useId, useMemo, useRef, useState } from "react";
import uPlot from "uplot";

export interface Series {
  readonly label: string;
  /** One value per time; null where nothing is known. */
  readonly values: readonly (number | null)[];
}

/**
 * Six lines that can be told apart by people who see colours differently, each above 3:1 on its
 * background; beyond six, dashes are added.
 */
const COLOURS = {
  light: ["#0b6e69", "#b3471d", "#4a5fc1", "#9c3587", "#7a6a00", "#2c6fa8"],
  dark: ["#4cc9bd", "#f2935c", "#97a6ff", "#ea8fd4", "#d9c54a", "#74b9ec"],
} as const;
const INK = {
  light: { axis: "#545d63", grid: "#e3e8e8" },
  dark: { axis: "#a3adad", grid: "#2b3435" },
} as const;
const HEIGHT = 190;
/** Pixels that a mark of time needs, as hours and minutes, and with seconds. */
const MINUTE_PX = 40;
const SECOND_PX = 64;
/** Between marks of time. */
const TICKS_SEC = [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];

/** A time series: lines over the last minutes, and a legend with the value under the pointer. */
export function Chart(props: {
  title: string;
  /** Seconds since the Unix epoch, rising. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
  /** The scale ends here at least: 1 for ratios, so that 99 % does not look like a cliff, and for rates. */
  least?: number;
}) {
  const scheme = useComputedColorScheme("light");
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const titleId = useId();
  const [at, setAt] = useState<number | null>(null);
  const labels = props.series.map((s) => s.label).join("\n");
  const data = useMemo(
    () => [props.times, ...props.series.map((s) => s.values)] as unknown as uPlot.AlignedData,
    [props.times, props.series],
  );
  const latest = useRef({ data, format: props.format, least: props.least ?? 0 });
  latest.current = { data, format: props.format, least: props.least ?? 0 };

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new uPlot(
      optionsOf({ labels: labels.split("\n"), scheme, latest, onPoint: setAt }),
      latest.current.data,
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [labels, scheme]);

  useEffect(() => plot.current?.setData(data), [data]);

  return (
    <Paper className="tp-card" p="md" component="section" aria-labelledby={titleId}>
      <Title order={2} size="h3" id={titleId}>
        {props.title}
      </Title>
      <Legend series={props.series} scheme={scheme} format={props.format} at={at} />
      {props.series.length === 0 ? (
        <Text c="dimmed" size="sm">
          Nothing to show yet.
        </Text>
      ) : (
        <div className="tp-plot" ref={place} aria-hidden="true" />
      )}
    </Paper>
  );
}

interface OptionsInput {
  readonly labels: readonly string[];
  readonly scheme: "light" | "dark";
  readonly latest: { readonly current: { format: (value: number) => string; least: number } };
  readonly onPoint: (index: number | null) => void;
}

function optionsOf(o: OptionsInput): uPlot.Options {
  const ink = INK[o.scheme];
  const axis = { stroke: ink.axis, grid: { stroke: ink.grid, width: 1 }, ticks: { show: false } };
  return {
    width: 320,
    height: HEIGHT,
    legend: { show: false },
    padding: [10, 18, 0, 0],
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      // Of nothing but zeros it goes to one, so that its marks say different things.
      y: { range: (_, __, most) => [0, Math.max(o.latest.current.least, most * 1.1) || 1] },
    },
    axes: [
      {
        ...axis,
        space: (_, __, from, to, px) => {
          const halfMinutePx = (30 * px) / (to - from);
          return halfMinutePx >= MINUTE_PX ? SECOND_PX : MINUTE_PX;
        },
        size: 28,
        incrs: TICKS_SEC,
        values: (_, ticks, __, ___, step) =>
          ticks.map((sec) => (step < 60 ? CLOCK_SEC : CLOCK).format(new Date(sec * 1000))),
      },
      {
        ...axis,
        size: 66,
        values: (_, ticks) => marksOf(ticks.map((v) => o.latest.current.format(v))),
      },
    ],
    series: [
      {},
      ...o.labels.map((label, i) => ({
        label,
        stroke: colourOf(o.scheme, i),
        width: 2,
        points: { show: false },
        ...(i >= 6 ? { dash: [6, 4] } : {}),
      })),
    ],
    hooks: { setCursor: [(plot) => o.onPoint(plot.cursor.idx ?? null)] },
  };
}

/** Of marks that would say the same, as of very small values, the first. */
function marksOf(texts: readonly string[]): string[] {
  return texts.map((text, i) => (text === texts[i - 1] ? "" : text));
}

function colourOf(scheme: "light" | "dark", index: number): string {
  return COLOURS[scheme][index % 6] ?? COLOURS[scheme][0];
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const CLOCK_SEC = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Also what a screen reader is given: each line's name with its latest value. */
function Legend(props: {
  series: readonly Series[];
  scheme: "light" | "dark";
  format: (value: number) => string;
  at: number | null;
}) {
  return (
    <ul className="tp-legend">
      {props.series.map((series, i) => {
        const value = props.at === null ? lastKnown(series.values) : series.values[props.at];
        return (
          <li key={series.label}>
            <svg width="14" height="4" aria-hidden="true">
              <rect width="14" height="4" rx="2" fill={colourOf(props.scheme, i)} />
            </svg>
            <span>{series.label}</span>
            <Text span size="sm" fw={650} className="tp-num">
              {value === null || value === undefined ? "–" : props.format(value)}
            </Text>
          </li>
        );
      })}
    </ul>
  );
}

function lastKnown(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}
