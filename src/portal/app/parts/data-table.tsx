import { Paper } from "@mantine/core";
import type { ReactNode } from "react";

export interface Column<R> {
  readonly head: string;
  readonly cell: (row: R) => ReactNode;
  readonly align?: "right";
  /** The row's own name: a row header; on a narrow screen the title of its card. */
  readonly title?: true;
  /** Sentences, or long words: on a narrow screen they stand below their head. */
  readonly prose?: true;
  /** The head is for screen readers only, as over a column of buttons. */
  readonly quiet?: true;
}

/**
 * Rows and columns; where there is little room each row becomes a card with its heads repeated. The roles are
 * spelt out because `display: block` would take them away.
 */
export function DataTable<R>(props: {
  label: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  rowKey: (row: R) => string;
}) {
  const roles = {
    table: { role: "table" },
    group: { role: "rowgroup" },
    row: { role: "row" },
    head: { role: "columnheader" },
    title: { role: "rowheader" },
    cell: { role: "cell" },
  };
  return (
    <Paper className="tp-card tp-table-card">
      <table className="tp-table" aria-label={props.label} {...roles.table}>
        <thead {...roles.group}>
          <tr {...roles.row}>
            {props.columns.map((column) => (
              <th key={column.head} scope="col" data-align={column.align} {...roles.head}>
                {column.quiet === true ? (
                  <span className="tp-hidden">{column.head}</span>
                ) : (
                  column.head
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody {...roles.group}>
          {props.rows.map((row) => (
            <tr key={props.rowKey(row)} {...roles.row}>
              {props.columns.map((column) =>
                column.title === true ? (
                  <th key={column.head} scope="row" {...roles.title}>
                    <div className="tp-title">{column.cell(row)}</div>
                  </th>
                ) : (
                  <td
                    key={column.head}
                    data-align={column.align}
                    data-prose={column.prose}
                    {...roles.cell}
                  >
                    <span className="tp-cell-head" aria-hidden="true">
                      {column.quiet === true ? "" : column.head}
                    </span>
                    <div className="tp-cell">{column.cell(row)}</div>
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Paper>
  );
}
