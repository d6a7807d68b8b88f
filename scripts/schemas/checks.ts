/**
 * Compiles the vendored schemas into checks: one small function for each distinct definition, shared by the kinds and the
 * Kubernetes versions that have it. They only answer whether a value fits; what is wrong is found by walking the schema.
 */
import type { SchemaFile, SchemaNode } from "../../src/validation/schemas/types.ts";

const HEADER = "// Made by scripts/generate-schemas.ts: do not edit.\n";
const ABOUT = "/** Types of what is beside this file, made by scripts/generate-schemas.ts. */\n";

/** What the checks share. `t` is the version's table of checks, so that equal definitions need not be compiled again. */
const PRELUDE = `const Q=/^[+-]?(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/;
const D=/^\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])[T](?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:[.,]\\d+)?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)$/;
const B=/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const r=v=>typeof v==="object"&&v!==null&&!Array.isArray(v);
const i=v=>Number.isInteger(v)&&v>=-2147483648&&v<=2147483647;
const l=v=>Number.isInteger(v)&&v>=-9223372036854775808&&v<9223372036854775808;
const q=v=>typeof v==="number"||(typeof v==="string"&&Q.test(v));
const z=v=>typeof v==="string"||i(v);
const d=v=>typeof v==="string"&&D.test(v);
const b=v=>typeof v==="string"&&B.test(v.replace(/[\\r\\n]/g,""));
const s=v=>typeof v==="string";
const n=v=>typeof v==="number";
const y=v=>typeof v==="boolean";
const a=(v,f,t)=>{if(!Array.isArray(v))return!1;for(let x=0;x<v.length;x++)if(!f(v[x],t))return!1;return!0};
const m=(v,f,t)=>{if(!r(v))return!1;for(const k in v){const e=v[k];if(e!=null&&!f(e,t))return!1}return!0};
`;

/** The checks of plain values, by type and format. */
const PLAIN: Readonly<Record<string, string>> = {
  string: "s",
  "string byte": "b",
  "string date-time": "d",
  integer: "l",
  "integer int32": "i",
  "integer int64": "l",
  number: "n",
  boolean: "y",
  "string,number quantity": "q",
  "integer,string int32": "z",
};

/** The name, or an expression, of a function that checks values of a node. */
function checkOf(node: SchemaNode, indexes: ReadonlyMap<string, number>): string {
  if (node.$ref !== undefined) return `t[${indexes.get(node.$ref)}]`;
  const plain = PLAIN[`${String(node.type ?? "")}${node.format === undefined ? "" : ` ${node.format}`}`];
  if (plain !== undefined) return plain;
  if (node.type === "array" || node.type === "object" || node.type === undefined) {
    return `((v,t)=>${testOf(node, indexes)})`;
  }
  throw new Error(`no check is written for ${JSON.stringify(node)}`);
}

/** An expression on `v`; "" when anything fits. */
function testOf(node: SchemaNode, indexes: ReadonlyMap<string, number>): string {
  if (node.enum !== undefined) throw new Error("no check is written for enum: the documents had none");
  if (node.properties !== undefined) throw new Error("no check is written for fields that are not in a definition");
  if (node.$ref === undefined && node.type === undefined) return "";
  if (node.$ref === undefined && node.type === "array") {
    return node.items === undefined ? "Array.isArray(v)" : `a(v,${checkOf(node.items, indexes)},t)`;
  }
  if (node.$ref === undefined && node.type === "object") {
    const values = typeof node.additionalProperties === "object" ? checkOf(node.additionalProperties, indexes) : "";
    return values === "" ? "r(v)" : `m(v,${values},t)`;
  }
  if (node.type === "string" && node.format === undefined) return 'typeof v==="string"';
  if (node.type === "boolean") return 'typeof v==="boolean"';
  const check = checkOf(node, indexes);
  return node.$ref === undefined ? `${check}(v)` : `${check}(v,t)`;
}

function definitionCheck(node: SchemaNode, indexes: ReadonlyMap<string, number>): string {
  if (node.properties === undefined) {
    const test = testOf(node, indexes);
    return `(v,t)=>${test === "" ? "!0" : test}`;
  }
  const byTest = new Map<string, string[]>();
  for (const [name, part] of Object.entries(node.properties)) {
    const test = testOf(part, indexes);
    byTest.set(test, [...(byTest.get(test) ?? []), name]);
  }
  const cases = [...byTest].map(([test, names]) => {
    const labels = names.map((name) => `case${JSON.stringify(name)}:`).join("");
    return test === "" ? `${labels}break;` : `${labels}if(v!=null&&!${wrapped(test)})return!1;break;`;
  });
  const required = (node.required ?? []).map((name) => `w[${JSON.stringify(name)}]!=null`).join("&&");
  const closed = node.additionalProperties === false ? "default:return!1" : "";
  // No name of the prelude: a parameter would hide it.
  return `(w,t)=>{if(!r(w))return!1;for(const k in w){const v=w[k];switch(k){${cases.join("")}${closed}}}return ${required === "" ? "!0" : required}}`;
}

/** `!` binds tighter than `===`. */
function wrapped(test: string): string {
  return test.includes("===") ? `(${test})` : test;
}

/** `checks.js` and its types. */
export function checkModule(file: SchemaFile): [string, string][] {
  const names = Object.keys(file.definitions);
  const indexes = new Map(names.map((name, at) => [name, at]));
  const bodies = new Map<string, number>();
  const numberOf = (body: string): number => {
    const known = bodies.get(body);
    if (known !== undefined) return known;
    bodies.set(body, bodies.size);
    return bodies.size - 1;
  };
  const tables = Object.keys(file.releases).map((version) => {
    const row = names.map((name) => {
      const schema = file.definitions[name]?.find((each) => each.in.includes(version))?.schema;
      return schema === undefined ? "" : String(numberOf(definitionCheck(schema, indexes)));
    });
    // A hole at the end needs a comma of its own.
    return `${JSON.stringify(version)}:[${row.join(",")}${row.at(-1) === "" ? "," : ""}]`;
  });
  const code = `export const BODIES=[\n${[...bodies.keys()].join(",\n")}\n];\nexport const TABLES={\n${tables.join(",\n")}\n};\n`;
  const types = `${ABOUT}import type { Check } from "../schemas/table.ts";

/** The distinct checks. */
export declare const BODIES: readonly Check[];
/** Kubernetes version to the check of each definition, by its number; a hole where the version has none. */
export declare const TABLES: Readonly<Record<string, readonly (number | undefined)[]>>;
`;
  return [
    ["checks.js", HEADER + PRELUDE + code],
    ["checks.d.ts", types],
  ];
}

/** `kinds.js` and its types: what must be known of kinds before any of them is checked. */
export function kindModule(file: SchemaFile): [string, string][] {
  const versions = Object.keys(file.releases);
  const numbers = new Map(Object.keys(file.definitions).map((name, at) => [name, at]));
  const rows = file.kinds.map(({ group, version, kind, scope, isStored, root, in: served }) => {
    const bits = versions.reduce((sum, each, at) => sum + (served.includes(each) ? 2 ** at : 0), 0);
    const apiVersion = group === "" ? version : `${group}/${version}`;
    return JSON.stringify([
      apiVersion,
      kind,
      scope === "Cluster" ? 1 : 0,
      isStored ? 1 : 0,
      numbers.get(root),
      root,
      bits,
    ]);
  });
  const code = `export const VERSIONS=${JSON.stringify(versions)};\nexport const KINDS=[\n${rows.join(",\n")}\n];\n`;
  const types = `${ABOUT}
/** Kubernetes versions that there are schemas of, oldest first. */
export declare const VERSIONS: readonly string[];
/** apiVersion, kind, 1 where it lives in no namespace, 1 where it is stored, number and name of its definition, versions as bits. */
export declare const KINDS: readonly (readonly [string, string, 0 | 1, 0 | 1, number, string, number])[];
`;
  return [
    ["kinds.js", HEADER + code],
    ["kinds.d.ts", types],
  ];
}

/** `src/model/cluster-scoped.ts`: kinds that live in no namespace, on which an object's identity depends. */
export function clusterScopedSource(file: SchemaFile): string {
  const byGroup = new Map<string, Set<string>>();
  for (const { group, kind, scope } of file.kinds) {
    if (scope === "Cluster") byGroup.set(group, (byGroup.get(group) ?? new Set()).add(kind));
  }
  const rows = [...byGroup].map(
    ([group, kinds]) => `  ${JSON.stringify(group)}: ${JSON.stringify([...kinds].sort())},`,
  );
  return `/** Built-in kinds that live in no namespace, by group. Made by scripts/generate-schemas.ts: do not edit. */
export const CLUSTER_SCOPED: Readonly<Record<string, readonly string[]>> = {
${rows.join("\n")}
};
`;
}
