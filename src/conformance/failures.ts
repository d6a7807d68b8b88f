/** What must be so when a call is aborted, or the backend cannot answer. */
import { expect, it } from "vitest";
import { TrueupError } from "../model/errors.ts";
import { idOf } from "../model/object.ts";
import { APP, type Context, codeOf, NO_ABORT, take } from "./context.ts";

export function failureCases({ backend, close, apply, list, configMap, home }: Context): void {
  const reason = new TrueupError("aborted", "stopped by the test");

  it("ends every call with the signal's reason when it is aborted before", async () => {
    const signal = AbortSignal.abort(reason);
    const { version } = await list({});
    const id = idOf(configMap("a", {}));
    const request = { desired: configMap("a", {}), owner: APP };
    const target = backend();
    await expect(target.list({}, signal)).rejects.toBe(reason);
    await expect(target.dryRun(request, signal)).rejects.toBe(reason);
    await expect(target.apply(request, signal)).rejects.toBe(reason);
    await expect(target.delete({ id }, signal)).rejects.toBe(reason);
    await expect(take(target.watch({}, version, signal), () => true)).rejects.toBe(reason);
    await expect(take(target.logs({ namespace: home(), pod: "p" }, signal), () => true)).rejects.toBe(reason);
    expect((await list({ kind: "ConfigMap", owner: APP })).items).toEqual([]);
  });

  it("ends a watch that waits with the signal's reason", async () => {
    const { version } = await list({});
    const controller = new AbortController();
    const watching = (async () => {
      for await (const event of backend().watch({ kind: "ConfigMap" }, version, controller.signal)) {
        if (event.type === "bookmark") controller.abort(reason);
      }
    })();
    await expect(watching).rejects.toBe(reason);
  });

  it("says of logs of a pod that is not there that it is not there", async () => {
    const logs = (follow: boolean) => backend().logs({ namespace: home(), pod: "none", follow }, NO_ABORT);
    expect(await codeOf(() => take(logs(false), () => false))).toBe("not-found");
    if (backend().capabilities.followLogs) expect(await codeOf(() => take(logs(true), () => false))).toBe("not-found");
  });

  it("fails when it cannot read, and never says that nothing is there", async () => {
    await apply(configMap("a", {}));
    const { version } = await list({});
    const target = backend();
    await close();
    const id = idOf(configMap("a", {}));
    const outcomes = await Promise.all([
      codeOf(() => target.list({ kind: "ConfigMap" }, NO_ABORT)),
      codeOf(() => target.list(id, NO_ABORT)),
      codeOf(() => take(target.watch({}, version, NO_ABORT), () => false)),
      codeOf(() => target.apply({ desired: configMap("a", {}), owner: APP }, NO_ABORT)),
      codeOf(() => target.delete({ id, owner: APP }, NO_ABORT)),
    ]);
    for (const code of outcomes) expect(["unavailable", "io", "timeout"]).toContain(code);
  });
}
