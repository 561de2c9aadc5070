import { Paper } from "@mantine/core";

export interface Stat {
  readonly label: string;
  readonly value: string;
  readonly note?: string;
}

/** A row of figures. */
export function Stats(props: { list: readonly Stat[] }) {
  return (
    <div className="tp-stats">
      {props.list.map((stat) => (
        <Paper key={stat.label} className="tp-card tp-stat" component="dl" m={0}>
          <dt>{stat.label}</dt>
          <dd>
            {stat.value}
            {stat.note !== undefined && <small>{stat.note}</small>}
          </dd>
        </Paper>
      ))}
    </div>
  );
}
