import { describe, expect, it } from "vitest";
import { beside, nameBeside } from "../../src/backend/anew.ts";
import type { KubeObject } from "../../src/model/object.ts";

const named = (name: string, uid = "u-1"): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, uid },
});
const service = (spec: object): KubeObject => ({ ...named("web"), spec });

describe("the name beside", () => {
  it.each([
    ["a", /^a-[0-9a-f]{8}$/],
    ["web.example.org", /^web\.example\.org-[0-9a-f]{8}$/],
    [`${"x".repeat(42)}-y${"z".repeat(20)}`, /^x{42}-[0-9a-f]{8}$/],
    [`${"x".repeat(42)}.-y`, /^x{42}-[0-9a-f]{8}$/],
  ])("of %s is one that every kind may have", (name, expected) => {
    expect(nameBeside(named(name))).toMatch(expected);
    expect(nameBeside(named(name)).length).toBeLessThanOrEqual(52);
  });

  it("differs for each object that has had the name", () => {
    expect(nameBeside(named("web"))).not.toBe(nameBeside(named("web", "u-2")));
  });
});

describe("a Service beside the present one", () => {
  const live = service({
    clusterIP: "10.0.0.1",
    clusterIPs: ["10.0.0.1"],
    ports: [{ port: 80, nodePort: 30080 }],
    healthCheckNodePort: 32000,
  });

  it.each<[what: string, spec: object, tried: object]>([
    ["does without its address", { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"] }, {}],
    ["has another address of its own", { clusterIP: "10.0.0.2" }, { clusterIP: "10.0.0.2" }],
    ["stays without any", { clusterIP: "None" }, { clusterIP: "None" }],
    [
      "does without its ports of nodes, and keeps others",
      {
        ports: [{ port: 81, nodePort: 30080 }, { port: 82, nodePort: 30082 }, { port: 83 }],
        healthCheckNodePort: 32000,
      },
      { ports: [{ port: 81 }, { port: 82, nodePort: 30082 }, { port: 83 }] },
    ],
    ["that says what no Service can is tried so", { ports: "none" }, { ports: "none" }],
  ])("%s", (_what, spec, tried) => {
    const given = service(spec);
    const copy = structuredClone(given);
    expect(beside(given, live).spec).toEqual(tried);
    expect(given).toEqual(copy);
  });
});
