/** A runtime and a proxy that tell a fault hook of each effect: what a test needs to end a kubelet between any two of them. */
import type { RunningContainer } from "../model/runtime.ts";
import { effect, type Fault, slowEffect } from "../util/fault.ts";
import type { PodRuntime } from "./pod-runtime.ts";
import type { Proxy as ProxyContract } from "./proxy-contract.ts";

/** The runtime, which tells of every spawn and every signal. */
export function tellingRuntime(runtime: PodRuntime, fault: Fault): PodRuntime {
  const telling = (running: RunningContainer): RunningContainer => ({
    id: running.id,
    ...(running.pid !== undefined && { pid: running.pid }),
    exited: running.exited,
    signal: (name) => effect(fault, "signal", `${name} ${running.id}`, () => running.signal(name)),
  });
  return {
    name: runtime.name,
    start: async (launch) => {
      const { podName, container, run } = launch;
      return telling(await slowEffect(fault, "spawn", `${podName}/${container}/${run}`, () => runtime.start(launch)));
    },
    adopt: async (launch, id) => {
      const running = await runtime.adopt(launch, id);
      return running === null ? null : telling(running);
    },
    probe: (launch, target, timeoutMs) => runtime.probe(launch, target, timeoutMs),
    allocatePort: () => runtime.allocatePort(),
    releasePort: (port) => runtime.releasePort(port),
    keepPort: (port) => runtime.keepPort(port),
    listensOn: (running, port) => runtime.listensOn(running, port),
    tail: (launch, count) => runtime.tail(launch, count),
    logs: (launch, options, signal) => runtime.logs(launch, options, signal),
    sweep: (podUid, container) => runtime.sweep(podUid, container),
    forget: (podUid) => slowEffect(fault, "pod record", `forget ${podUid}`, () => runtime.forget(podUid)),
  };
}

/** The proxy, which tells of every change of its listeners and backends. */
export function tellingProxy(proxy: ProxyContract, fault: Fault): ProxyContract {
  return {
    update: (ports) => slowEffect(fault, "endpoint change", `${ports.length} ports`, () => proxy.update(ports)),
    setBackends: (key, backends) =>
      effect(fault, "endpoint change", `${key} to ${backends.length} pods`, () => proxy.setBackends(key, backends)),
    drain: (podUid, limitMs) => proxy.drain(podUid, limitMs),
    close: () => proxy.close(),
  };
}
