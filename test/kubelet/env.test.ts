/** The environment of a container, rule by rule. */
import { describe, expect, it } from "vitest";
import { type EnvInput, expand, portVariable, resolveEnv } from "../../src/kubelet/env.ts";
import { type LaunchInput, resolveLaunch } from "../../src/kubelet/launch-spec.ts";
import type { PodAssignment } from "../../src/model/kubelet.ts";
import type { Container, Pod } from "../../src/model/workload.ts";

const web: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "web-1",
    namespace: "shop",
    uid: "u-1",
    labels: { app: "web", "a/b": "c" },
    annotations: { note: "n" },
  },
  spec: { containers: [], nodeName: "laptop" },
};

const assignment: PodAssignment = {
  pod: web,
  images: {},
  configMaps: { settings: { COLOR: "blue", size: "L" }, gone: null },
  secrets: { keys: { TOKEN: "s3cret" }, gone: null },
  serviceEnv: { DB_SERVICE_HOST: "127.0.0.1", DB_SERVICE_PORT: "5432" },
};

function input(container: Partial<Container>, extra: Partial<EnvInput> = {}): EnvInput {
  return {
    assignment,
    container: { name: "web", ...container },
    imageEnv: [],
    ports: [],
    workDirectory: "/w",
    path: "/n:/usr/bin",
    podIP: "127.0.0.1",
    hostIP: "127.0.0.1",
    ...extra,
  };
}

const FIXED = {
  HOME: "/w",
  TMPDIR: "/w/tmp",
  PATH: "/n:/usr/bin",
  HOSTNAME: "web-1",
  TRUEUP_POD_UID: "u-1",
  TRUEUP_CONTAINER: "web",
  DB_SERVICE_HOST: "127.0.0.1",
  DB_SERVICE_PORT: "5432",
};

const ref = (kind: "configMapKeyRef" | "secretKeyRef", name: string, key: string, optional?: boolean) => ({
  valueFrom: { [kind]: { name, key, ...(optional !== undefined && { optional }) } },
});
const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });

interface Row {
  rule: string;
  container: Partial<Container>;
  extra?: Partial<EnvInput>;
  adds?: Record<string, string>;
  problem?: string;
}

const rows: Row[] = [
  { rule: "nothing declared", container: {}, adds: {} },
  { rule: "a literal", container: { env: [{ name: "A", value: "1" }] }, adds: { A: "1" } },
  { rule: "no value is an empty one", container: { env: [{ name: "A" }] }, adds: { A: "" } },
  {
    rule: "references to earlier variables, Services and ports",
    container: {
      env: [
        { name: "A", value: "1" },
        { name: "B", value: "$(A)-$(DB_SERVICE_PORT)-$(PORT)-$(LATER)" },
      ],
    },
    extra: { ports: [{ containerPort: 80, localPort: 4000 }] },
    adds: { A: "1", B: "1-5432-4000-$(LATER)", PORT: "4000" },
  },
  { rule: "an escaped reference", container: { env: [{ name: "A", value: "$$(B) $$" }] }, adds: { A: "$(B) $" } },
  {
    rule: "fields",
    container: {
      env: [
        { name: "NAME", ...field("metadata.name") },
        { name: "NS", ...field("metadata.namespace") },
        { name: "UID_", ...field("metadata.uid") },
        { name: "LABEL", ...field("metadata.labels['a/b']") },
        { name: "NOTE", ...field("metadata.annotations['note']") },
        { name: "NONE", ...field("metadata.labels['none']") },
        { name: "NODE", ...field("spec.nodeName") },
        { name: "IP", ...field("status.podIP") },
        { name: "HOST", ...field("status.hostIP") },
      ],
    },
    adds: {
      NAME: "web-1",
      NS: "shop",
      UID_: "u-1",
      LABEL: "c",
      NOTE: "n",
      NONE: "",
      NODE: "laptop",
      IP: "127.0.0.1",
      HOST: "127.0.0.1",
    },
  },
  {
    rule: "an unknown field",
    container: { env: [{ name: "A", ...field("spec.hostname") }] },
    problem: 'field "spec.hostname" is not supported by fieldRef',
  },
  {
    rule: "keys",
    container: {
      env: [
        { name: "A", ...ref("configMapKeyRef", "settings", "COLOR") },
        { name: "B", ...ref("secretKeyRef", "keys", "TOKEN") },
      ],
    },
    adds: { A: "blue", B: "s3cret" },
  },
  {
    rule: "optional keys that are missing leave the variable out",
    container: {
      env: [
        { name: "A", ...ref("configMapKeyRef", "settings", "none", true) },
        { name: "B", ...ref("secretKeyRef", "gone", "x", true) },
      ],
    },
    adds: {},
  },
  {
    rule: "a missing ConfigMap",
    container: { env: [{ name: "A", ...ref("configMapKeyRef", "gone", "x") }] },
    problem: 'configmap "gone" not found',
  },
  {
    rule: "a missing Secret",
    container: { env: [{ name: "A", ...ref("secretKeyRef", "never", "x") }] },
    problem: 'secret "never" not found',
  },
  {
    rule: "a missing key of a ConfigMap",
    container: { env: [{ name: "A", ...ref("configMapKeyRef", "settings", "none") }] },
    problem: "couldn't find key none in ConfigMap shop/settings",
  },
  {
    rule: "a missing key of a Secret, though every object has one of that name",
    container: { env: [{ name: "A", ...ref("secretKeyRef", "keys", "constructor") }] },
    problem: "couldn't find key constructor in Secret shop/keys",
  },
  {
    rule: "all keys with a prefix",
    container: { envFrom: [{ prefix: "S_", configMapRef: { name: "settings" } }, { secretRef: { name: "keys" } }] },
    adds: { S_COLOR: "blue", S_size: "L", TOKEN: "s3cret" },
  },
  {
    rule: "all keys of something optional that is missing",
    container: { envFrom: [{ configMapRef: { name: "gone", optional: true } }] },
    adds: {},
  },
  {
    rule: "all keys of something that is missing",
    container: { envFrom: [{ secretRef: { name: "gone" } }] },
    problem: 'secret "gone" not found',
  },
  {
    rule: "env over envFrom over Services over the image",
    container: { envFrom: [{ configMapRef: { name: "settings" } }], env: [{ name: "COLOR", value: "red" }] },
    extra: { imageEnv: ["COLOR=white", "size=S", "DB_SERVICE_PORT=1", "HOME=/root", "ONLY=image=1", "BARE"] },
    adds: { COLOR: "red", size: "L", HOME: "/root", ONLY: "image=1", BARE: "" },
  },
  {
    rule: "ports, and what a manifest says of the same names does not count",
    container: {
      env: [
        { name: "PORT", value: "8080" },
        { name: "HOSTNAME", value: "x" },
      ],
    },
    extra: {
      ports: [
        { name: "http", containerPort: 8080, localPort: 4000 },
        { name: "admin-api", containerPort: 9090, localPort: 4001 },
      ],
    },
    adds: { PORT: "4000", PORT_HTTP: "4000", PORT_ADMIN_API: "4001" },
  },
  {
    rule: "resources",
    container: { env: [{ name: "A", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } }] },
    problem: 'resourceFieldRef of variable "A" is not supported: processes have no limits here',
  },
];

describe("the environment", () => {
  it.each(rows)("has $rule", ({ container, extra, adds, problem }) => {
    const result = resolveEnv(input(container, extra));
    expect(result.ok ? result.env() : result.message).toEqual(problem ?? { ...FIXED, ...adds });
  });

  it("is looked up as it would be made", () => {
    const result = resolveEnv(input({ env: [{ name: "A", value: "1" }] }, { imageEnv: ["A=0", "B=2"] }));
    if (!result.ok) throw new Error(result.message);
    const env = result.env();
    for (const name of [...Object.keys(env), "NONE", "constructor"]) {
      expect(result.lookup(name)).toBe(Object.hasOwn(env, name) ? env[name] : undefined);
    }
  });
});

describe("references", () => {
  const lookup = (name: string): string | undefined => ({ A: "1", EMPTY: "", B: "$(A)" })[name];
  it.each([
    ["$(A)", "1"],
    ["x$(A)y$(A)", "x1y1"],
    ["$(NONE)", "$(NONE)"],
    ["$(EMPTY)", ""],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$1"],
    ["$A $ {A} $", "$A $ {A} $"],
    ["$(A", "$(A"],
    ["$(B)", "$(A)"],
  ])("in %j give %j", (text, want) => {
    expect(expand(text, lookup)).toBe(want);
  });

  it.each([
    ["http", "PORT_HTTP"],
    ["admin-api", "PORT_ADMIN_API"],
  ])("to port %j are by %j", (name, want) => {
    expect(portVariable(name)).toBe(want);
  });
});

describe("the command", () => {
  const config = { Entrypoint: ["node"], Cmd: ["server.js", "--port=$(PORT)"], WorkingDir: "/app", Env: ["X=1"] };
  const launch = (container: Partial<Container>, image = config): ReturnType<typeof resolveLaunch> => {
    const wanted: LaunchInput = {
      assignment,
      container: { name: "web", ...container },
      image: { found: true, reference: "web:v1", digest: "sha256:0", directory: "/i", config: image },
      run: 3,
      ports: [{ containerPort: 80, localPort: 4000 }],
      workDirectory: "/w",
      path: "/n",
    };
    return resolveLaunch(wanted);
  };
  it.each<{ container: Partial<Container>; argv: string[] }>([
    { container: {}, argv: ["node", "server.js", "--port=$(PORT)"] },
    { container: { command: ["sh"] }, argv: ["sh"] },
    { container: { args: ["other.js", "$(PORT)"] }, argv: ["node", "other.js", "4000"] },
    { container: { command: ["sh"], args: ["-c", "echo $$(PORT) $(X)"] }, argv: ["sh", "-c", "echo $(PORT) 1"] },
    { container: { command: [], args: [] }, argv: ["node", "server.js", "--port=$(PORT)"] },
  ])("of $container is $argv", ({ container, argv }) => {
    const result = launch(container);
    if (!result.ok) throw new Error(result.message);
    expect(result.launch).toMatchObject({ argv, run: 3, workingDir: "/app", podUid: "u-1", namespace: "shop" });
    expect(result.launch.env).toMatchObject({ TRUEUP_RUN: "3", X: "1", PORT: "4000" });
  });

  it("is refused when there is none", () => {
    const result = launch({}, { ...config, Entrypoint: [], Cmd: [] });
    expect(result).toEqual({ ok: false, message: "no command specified" });
  });
});
