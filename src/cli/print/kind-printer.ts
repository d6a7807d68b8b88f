/** What a kind must offer to be listed in a table. */
import type { KubeObject } from "../../model/object.ts";

/** How one kind is listed. `cells` and `wideCells` must be as long as `columns` and `wide`. */
export interface KindPrinter<T extends KubeObject> {
  columns: readonly string[];
  /** Further columns of `-o wide`. */
  wide: readonly string[];
  /** Without a NAME column of its own in front (events). */
  nameless?: boolean;
  cells(object: T, now: number): string[];
  wideCells(object: T, now: number): string[];
}
