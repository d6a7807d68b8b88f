/** Watches what kubelets do to containers: no run is started twice, and none is signalled while a Service sends to its pod. */
import type { ContainerLaunch } from "../../src/model/runtime.ts";
import type { Tally } from "./tally.ts";
import type { RememberingProxy, RuntimeHooks } from "./traffic.ts";
import type { Witness } from "./witness.ts";

export class ContainerWatch implements RuntimeHooks {
  /** Pods that the kubelet was told to end. */
  readonly stopping = new Set<string>();
  readonly #witness: Witness;
  readonly #tally: Tally;
  readonly #proxy: () => RememberingProxy;
  readonly #runs = new Set<string>();
  readonly #signalled = new Map<string, "SIGTERM" | "SIGKILL">();

  /** @param proxy The one that answers now */
  constructor(witness: Witness, tally: Tally, proxy: () => RememberingProxy) {
    this.#witness = witness;
    this.#tally = tally;
    this.#proxy = proxy;
  }

  started(launch: ContainerLaunch): void {
    const name = nameOf(launch);
    if (this.#runs.has(name)) this.#witness.violate(`container run ${name} was started twice in one pod`);
    this.#runs.add(name);
    this.#witness.note(`start ${name}`);
  }

  adopted(): void {
    this.#tally.add("container adopted by another kubelet");
  }

  signalled(launch: ContainerLaunch, name: "SIGTERM" | "SIGKILL"): void {
    const { podUid } = launch;
    this.#witness.note(`${name} ${nameOf(launch)}`);
    this.#signalled.set(nameOf(launch), name);
    const from = this.#proxy().sendingTo(podUid);
    const isEnding = this.stopping.has(podUid);
    // A container that a probe has restarted stays where pods that are not ready are sent to as well.
    const wrong = isEnding ? from : from.filter((key) => !this.#includesNotReady(key));
    if (wrong.length > 0) this.#witness.violate(`a pod got ${name} while ${wrong.join(", ")} still sent to it`);
    this.#tally.add(isEnding ? "endpoint removed before its signal" : "killed by liveness");
  }

  exited(launch: ContainerLaunch, code: number | undefined): void {
    this.#witness.note(`exit ${nameOf(launch)} ${code}`);
    const signal = this.#signalled.get(nameOf(launch));
    if (signal === undefined) {
      if (code !== 0) this.#tally.add("container crashed");
    } else if (this.stopping.has(launch.podUid)) {
      this.#tally.add(signal === "SIGTERM" ? "pod gone after SIGTERM" : "pod gone after SIGKILL");
    }
  }

  #includesNotReady(key: string): boolean {
    const uid = key.slice(0, key.lastIndexOf(":"));
    const service = this.#witness.mirror.byUid.get(uid)?.spec as { publishNotReadyAddresses?: boolean } | undefined;
    return service?.publishNotReadyAddresses === true;
  }
}

function nameOf({ podUid, container, run }: ContainerLaunch): string {
  return `${podUid}/${container}/${run}`;
}
