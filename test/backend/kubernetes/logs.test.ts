import { describe, expect, it } from "vitest";
import { podLogs } from "../../../src/backend/kubernetes/logs.ts";
import { errorOfStatus, readStatus } from "../../../src/backend/kubernetes/status.ts";
import type { LogQuery } from "../../../src/model/backend.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import type { KubeObject } from "../../../src/model/object.ts";
import { settle } from "../../../src/util/clock.ts";
import { ScriptedApi } from "./scripted-api.ts";

const { signal } = new AbortController();
const QUERY: LogQuery = { namespace: "shop", pod: "web-1" };

function pod(containers: string[], annotations: Record<string, string> = {}): KubeObject {
  const spec = { containers: containers.map((name) => ({ name })) };
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "web-1", namespace: "shop", annotations }, spec };
}

describe("what is asked for", () => {
  const chosen = { "kubectl.kubernetes.io/default-container": "b" };
  it.each([
    [{}, undefined, ""],
    [{}, pod(["a", "b"]), "?container=a"],
    [{}, pod(["a", "b"], chosen), "?container=b"],
    [{}, pod(["a"], chosen), "?container=a"],
    [{ container: "b" }, pod(["a", "b"]), "?container=b"],
    [
      { container: "b", follow: true, tail: 5, previous: true },
      undefined,
      "?container=b&follow=true&tailLines=5&previous=true",
    ],
    [{ follow: false, tail: 0, previous: false }, undefined, "?tailLines=0"],
  ] as [Partial<LogQuery>, KubeObject | undefined, string][])("of %j", async (query, live, expected) => {
    const api = new ScriptedApi();
    const lines: string[] = [];
    const reading = (async () => {
      for await (const line of podLogs(api, { ...QUERY, ...query }, live, signal)) lines.push(line);
    })();
    await settle();
    api.watch().raw("one").raw("two").end();
    await reading;
    expect([api.asked, lines]).toEqual([[`GET /api/v1/namespaces/shop/pods/web-1/log${expected}`], ["one", "two"]]);
  });
});

it("is waited for, however long, where it is followed: a silent container is no failure", async () => {
  for (const follow of [true, false]) {
    const api = new ScriptedApi();
    const reading = podLogs(api, { ...QUERY, follow }, undefined, signal).next();
    await settle();
    expect(api.watch().call.isSilent).toBe(follow);
    api.watch().end();
    await reading;
  }
});

describe("what is refused", () => {
  // As kube-apiserver (pkg/registry/core/pod/strategy.go) and kubelet (pkg/kubelet/kubelet_pods.go) say it.
  it.each([
    [404, 'pods "web-1" not found', "pods", "not-found", /pod\/web-1 as it must exist: it does not/],
    [400, "container web is not valid for pod web-1", "", "not-found", /container web is not valid for pod web-1/],
    [400, 'previous terminated container "web" in pod "web-1" not found', "", "not-found", /previous terminated/],
    [
      400,
      'container "web" in pod "web-1" is waiting to start: ContainerCreating',
      "",
      "unavailable",
      /waiting to start/,
    ],
    [400, "pod web-1 does not have a host assigned", "", "unavailable", /host assigned/],
    [400, "a container name must be specified for pod web-1, choose one of: [a b]", "", "invalid", /choose one of/],
    [403, 'pods "web-1" is forbidden: User "a" cannot get resource "pods/log"', "pods", "forbidden", /cannot get/],
    [500, 'Get "https://10.0.0.1:10250/containerLogs": dial tcp: refused', "", "unavailable", /dial tcp/],
  ])("with %i %s", async (code, message, kind, expected, text) => {
    const status = { kind: "Status", status: "Failure", code, message, reason: "x", details: { kind } };
    const api = new ScriptedApi().refuseWatch((call) => errorOfStatus(call, readStatus(code, status, false)));
    const reading = podLogs(api, QUERY, undefined, signal).next();
    await expect(reading).rejects.toThrow(text);
    await expect(reading).rejects.toBeInstanceOf(TrueupError);
    await expect(reading).rejects.toMatchObject({ code: expected });
  });
});
