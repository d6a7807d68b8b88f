/** What is read of the backend for a plan: objects where git declares some, wherever those live. */
import { expect, it } from "vitest";
import type { Backend, ListQuery } from "../../src/model/backend.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { observe } from "../../src/reconcile/observe.ts";
import { declaredOf } from "../plan/declared.ts";

const { signal } = new AbortController();

it.each([1, 17])(
  "finds what lives in no namespace, though git says nothing of its scope (%i objects)",
  async (count) => {
    const sites = Array.from({ length: count }, (_, at): KubeObject => {
      return { apiVersion: "k8s.example/v1", kind: "Site", metadata: { name: `s${at}` } };
    });
    const items = sites.map((object) => ({ object, applied: null, owner: "theirs" }));
    const list = async ({ owner, name }: ListQuery) => ({
      items:
        owner !== undefined ? [] : items.filter(({ object }) => name === undefined || object.metadata.name === name),
      version: "1",
    });
    const declared = sites.map((object) => declaredOf(object));
    expect(await observe({ list } as Partial<Backend> as Backend, "mine", declared, signal)).toEqual(items);
  },
);
