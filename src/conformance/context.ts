/** What the cases of the suite share: the backend of the test that runs, objects to apply, and words for what came of it. */
import type { Backend, ListQuery, WatchEvent } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import type { KubeObject, ObjectId } from "../model/object.ts";
import type { Observed } from "../model/plan.ts";

/** A backend as one test gets it. */
export interface BackendUnderTest {
  backend: Backend;
  /** A Namespace that is there, that no app applied, and that is empty but for what the backend itself keeps in each; `default` when absent. */
  namespace?: string;
  /** Ends it, and whatever was started for it; reads fail afterwards. Called after each test, also after one that failed. */
  close: () => Promise<void>;
}

/** How the pods of a backend run. */
export interface RunnablePods {
  /** Of a container that is ready soon after its start, and runs until it is told to end. */
  image: string;
  /** A line that the container prints when it starts; absent: nobody keeps what containers print. */
  says?: string;
}

export const APP = "conformance";
export const OTHER_APP = "conformance-other";
export const NO_ABORT: AbortSignal = new AbortController().signal;

export interface Context {
  backend: () => Backend;
  /** Namespace of the test. */
  home: () => string;
  close: () => Promise<void>;
  apply: (desired: KubeObject, owner?: string) => ReturnType<Backend["apply"]>;
  list: (query: ListQuery) => ReturnType<Backend["list"]>;
  read: (id: ObjectId) => Promise<Observed | undefined>;
  names: (query: ListQuery) => Promise<string[]>;
  configMap: (name: string, data: Record<string, string>, metadata?: Partial<KubeObject["metadata"]>) => KubeObject;
  /** A Deployment without pods unless `spec` says otherwise. */
  deployment: (spec?: Record<string, unknown>, container?: Record<string, unknown>) => KubeObject;
}

/** @param current Of the test that runs, asked each time */
export function contextOf(current: () => BackendUnderTest, close: () => Promise<void>): Context {
  const home = (): string => current().namespace ?? "default";
  const list: Context["list"] = (query) => current().backend.list(query, NO_ABORT);
  return {
    backend: () => current().backend,
    home,
    close,
    apply: (desired, owner = APP) => current().backend.apply({ desired, owner }, NO_ABORT),
    list,
    read: async (id) => (await list(id)).items[0],
    names: async (query) => (await list(query)).items.map(({ object }) => object.metadata.name).sort(),
    configMap: (name, data, metadata = {}) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: home(), ...metadata },
      data,
    }),
    deployment: (spec = {}, container = {}) => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "conformance", namespace: home() },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: "conformance" } },
        template: {
          metadata: { labels: { app: "conformance" } },
          spec: { containers: [{ name: "web", image: "web:v1", ...container }] },
        },
        ...spec,
      },
    }),
  };
}

/** Code of the error that work fails with; `done` when it does not fail, a text when it is no error of ours. */
export async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "done";
  } catch (error) {
    return error instanceof TrueupError ? error.code : `thrown: ${String(error)}`;
  }
}

/** Items up to the first that is enough. */
export async function take<T>(source: AsyncIterable<T>, enough: (item: T) => boolean): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) {
    items.push(item);
    if (enough(item)) break;
  }
  return items;
}

export function summary(event: WatchEvent): string {
  return event.type === "bookmark" ? "bookmark" : `${event.type} ${event.observed.object.metadata.name}`;
}
