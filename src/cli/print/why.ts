/** The answer of `why` for people: the chain, then a line a value with where it comes from. */
import { displayId } from "../../model/object.ts";
import { shortId } from "../../model/source.ts";
import type { ChainLink, FieldOrigin, Place, WhyAnswer } from "../../why/types.ts";
import type { Style } from "../output.ts";
import { printableLine } from "./escape.ts";
import { formatTable } from "./table.ts";

/** Longest value shown in its column; `-o json` has all of it. */
const LONGEST_VALUE = 40;

export interface WhyTextOptions {
  style: Style;
  /** The whole object was asked about: its status is told in one line. */
  isWhole: boolean;
}

export function whyText(answer: WhyAnswer, { style, isWhole }: WhyTextOptions): string {
  const { object, app, commit, health, chain, notes } = answer;
  const from = commit === null ? "" : ` at ${shortId(commit)}`;
  const whose = app === null ? "of no app" : `of app ${app}${from}`;
  const well = health.status === "Healthy" ? style.green(health.status) : style.yellow(health.status);
  const parts = [`${style.bold(displayId(object))} ${whose}: ${well}\n`];
  if (chain.length > 0) parts.push("\n", ...chain.map((link, depth) => `${linkText(link, depth)}\n`));
  const fields = isWhole ? answer.fields.filter(({ path }) => !isStatus(path)) : answer.fields;
  const rows = fields.map((field) => [field.path, valueText(field.value), fromText(field)]);
  const status = answer.fields.find(({ path }) => isStatus(path));
  if (isWhole && status !== undefined) rows.push(["status", "…", status.by]);
  if (rows.length > 0) parts.push("\n", formatTable({ header: ["FIELD", "VALUE", "FROM"], rows }));
  for (const note of notes) parts.push(`\nnote: ${printableLine(note)}\n`);
  return parts.join("");
}

function isStatus(path: string): boolean {
  return path === "status" || /^status[.[]/.test(path);
}

function linkText({ about, text, place }: ChainLink, depth: number): string {
  const arrow = depth === 0 ? "" : "← ";
  const said = `  ${arrow}${about}: ${printableLine(text)}`;
  return place === undefined ? said : `${said}, ${placeText(place)}`;
}

function fromText(field: FieldOrigin): string {
  const { origin, by, place, declared, value } = field;
  if (origin === "git" && place !== undefined) return placeText(place);
  if (origin !== "drift") return printableLine(by);
  const where = place === undefined ? "git declares none" : `git says ${valueText(declared)} in ${placeText(place)}`;
  return `drift by ${printableLine(by)}: ${value === undefined ? "it is missing; " : ""}${where}`;
}

/** `web.yaml:6:13, 46168cf by Ada on 2026-11-23: Scale web` */
function placeText({ file, line, column, commit, author, authoredAt = "", subject = "" }: Place): string {
  const at = `${printableLine(file)}:${line}:${column}`;
  if (commit === undefined) return at;
  return `${at}, ${shortId(commit)} by ${printableLine(author ?? "")} on ${authoredAt.slice(0, 10)}: ${printableLine(subject)}`;
}

function valueText(value: unknown): string {
  if (value === undefined) return "<none>";
  const text = printableLine(typeof value === "string" ? value : JSON.stringify(value));
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE - 1)}…`;
}
