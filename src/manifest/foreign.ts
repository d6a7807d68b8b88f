/** Tells what a file among manifests is for, when it declares no object: another tool's file, or a template. */
import type { Json, JsonObject } from "../model/object.ts";

type Sign = (name: string, value: JsonObject) => boolean;

const isMapping = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The first that fits names the file. File names first where a tool asks for one. */
const SIGNS: readonly (readonly [string, Sign])[] = [
  ["a kustomization", (name) => /^kustomization\.ya?ml$/.test(name)],
  ["a Helm chart", (name) => /^Chart\.ya?ml$/.test(name)],
  ["values of a Helm chart", (name) => /^(?:.*[-.])?values(?:[-.].*)?\.ya?ml$/.test(name)],
  ["a GitHub workflow", (_, value) => isMapping(value.jobs) && ("true" in value || "on" in value)],
  [
    "a Docker Compose file",
    (name, { services }) => /^(?:docker-)?compose\b/.test(name) || (isMapping(services) && hasBuilds(services)),
  ],
  ["a lock file", (name, value) => "lockfileVersion" in value || /[-.]lock\.ya?ml$/.test(name)],
  ["an API description", (_, value) => "openapi" in value || "swagger" in value || "asyncapi" in value],
  ["a CloudFormation template", (_, value) => "AWSTemplateFormatVersion" in value],
];

function hasBuilds(services: JsonObject): boolean {
  return Object.values(services).some((service) => isMapping(service) && ("image" in service || "build" in service));
}

/** What the file is, as "a Docker Compose file"; `undefined` when it shows no sign of anything known. */
export function nameForeign(file: string, value: Json): string | undefined {
  const name = file.slice(file.lastIndexOf("/") + 1);
  if (Array.isArray(value)) {
    return value.some((item) => isMapping(item) && "hosts" in item) ? "an Ansible playbook" : undefined;
  }
  return SIGNS.find(([, fits]) => fits(name, isMapping(value) ? value : {}))?.[0];
}

/** A chart's directory, and what of it only Helm can read. */
export interface Chart {
  /** The file that says so. */
  file: string;
  /** "" for the top directory. */
  directory: string;
  templates: number;
  /** Files that are not to be read as manifests, `file` among them. */
  files: ReadonlySet<string>;
}

const CHART_FILE = /^(?:.*\/)?Chart\.ya?ml$/;

/** The Helm charts among files, outermost ones only: their templates would be read as broken manifests. */
export function findCharts(files: readonly { file: string; text: string }[]): Chart[] {
  const charts = files
    // The text of no other file is asked for: a file on disk may not have been read yet.
    .filter((each) => CHART_FILE.test(each.file) && isChart(each.text))
    .map(({ file }) => ({ file, directory: file.slice(0, Math.max(0, file.lastIndexOf("/"))) }))
    .sort((a, b) => a.directory.length - b.directory.length);
  const found: Chart[] = [];
  for (const { file, directory } of charts) {
    if (found.some((chart) => chart.files.has(file))) continue;
    const prefix = directory === "" ? "" : `${directory}/`;
    const own = files
      .map((each) => each.file)
      .filter((name) => name.startsWith(prefix) && isOfChart(name.slice(prefix.length)));
    const templates = own.filter((name) => name.startsWith(`${prefix}templates/`)).length;
    found.push({ file, directory, templates, files: new Set(own) });
  }
  return found;
}

function isChart(text: string): boolean {
  return /^apiVersion:/m.test(text) && !/^kind:/m.test(text);
}

function isOfChart(name: string): boolean {
  return /^(?:templates|charts|crds|ci)\//.test(name) || /^(?:Chart\.ya?ml|values[^/]*\.(?:ya?ml|json))$/.test(name);
}
