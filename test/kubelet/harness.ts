/** A kubelet on a virtual clock with scripted containers, for tests that must not wait. */
import { Journal } from "../../src/kubelet/journal.ts";
import { LocalKubelet } from "../../src/kubelet/kubelet.ts";
import type { Proxy as ProxyContract } from "../../src/kubelet/proxy-contract.ts";
import { nullProxy } from "../../src/kubelet/proxy-contract.ts";
import { parseScenario, scenarioCatalog } from "../../src/kubelet/scenario.ts";
import { SimulatedRuntime } from "../../src/kubelet/simulated-runtime.ts";
import type { KubeletReport, PodAssignment } from "../../src/model/kubelet.ts";
import type { Container, ContainerStatus, Pod, PodSpec, PodStatus } from "../../src/model/workload.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";

export const START = Date.UTC(2026, 0, 1);

export function pod(name: string, spec: Partial<PodSpec> & { containers: Container[] }, labels = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", uid: `uid-${name}`, labels },
    spec,
  };
}

export interface World {
  clock: VirtualClock;
  runtime: SimulatedRuntime;
  kubelet: LocalKubelet;
  journal: Journal;
  assignment(of: Pod): PodAssignment;
  /** All reports so far. */
  reports(): KubeletReport[];
  status(uid: string): PodStatus;
  container(uid: string, name?: string): ContainerStatus;
  /** `reason: message` of the pod's events, in order. */
  events(uid: string): string[];
  /** Distinct `<seconds> <what>` of a container's states, in order. */
  timeline(uid: string, name?: string): string[];
}

export function world(scenarioInput: unknown, options: { proxy?: ProxyContract; seed?: number } = {}): World {
  const clock = new VirtualClock(START);
  const scenario = parseScenario(scenarioInput);
  const random = seededRandom(options.seed ?? 1);
  const runtime = new SimulatedRuntime({ clock, random, scenario });
  const journal = Journal.inMemory();
  const kubelet = new LocalKubelet({
    runtime,
    clock,
    random,
    proxy: options.proxy ?? nullProxy,
    journal,
    directory: null,
  });
  const catalog = scenarioCatalog(scenario);
  const reports = (): KubeletReport[] => journal.after(0);
  const statuses = (uid: string): { at: string; status: PodStatus }[] =>
    reports().flatMap((report) =>
      report.type === "pod-status" && report.uid === uid ? [{ at: report.at, status: report.status }] : [],
    );
  const status = (uid: string): PodStatus => {
    const last = statuses(uid).at(-1);
    if (last === undefined) throw new Error(`no status of ${uid}`);
    return last.status;
  };
  const find = (of: PodStatus, name = "web"): ContainerStatus => {
    const all = [...(of.initContainerStatuses ?? []), ...(of.containerStatuses ?? [])];
    const found = all.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no container ${name}`);
    return found;
  };
  return {
    clock,
    runtime,
    kubelet,
    journal,
    reports,
    status,
    assignment: (of) => {
      const all = [...(of.spec.initContainers ?? []), ...of.spec.containers];
      return {
        pod: of,
        images: Object.fromEntries(all.map((each) => [each.name, catalog.resolve(each.image ?? "")])),
        configMaps: {},
        secrets: {},
        serviceEnv: {},
      };
    },
    container: (uid, name) => find(status(uid), name),
    events: (uid) =>
      reports().flatMap((report) =>
        report.type === "pod-event" && report.uid === uid ? [`${report.reason}: ${report.message}`] : [],
      ),
    timeline: (uid, name) => {
      const lines = statuses(uid).map(
        ({ at, status: of }) => `${(Date.parse(at) - START) / 1000} ${word(find(of, name))}`,
      );
      return lines.filter((line, index) => line.replace(/^\S+ /, "") !== lines[index - 1]?.replace(/^\S+ /, ""));
    },
  };
}

function word(status: ContainerStatus): string {
  const { waiting, running, terminated } = status.state;
  if (waiting !== undefined) return waiting.reason;
  if (running !== undefined) return status.ready ? "Ready" : status.started ? "Started" : "Running";
  return `${terminated?.reason}(${terminated?.exitCode})`;
}
