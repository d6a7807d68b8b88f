/** `trueup log -o json` before an auditor: a real little history, and the five questions put to its JSON alone. */
import { afterEach, describe, expect, it } from "vitest";
import { withRevisions } from "../../src/cli/audit.ts";
import type { JsonObject } from "../../src/model/object.ts";
import { World } from "../reconcile/world.ts";

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

const deployment = (version: number): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
      - { name: web, image: "web:v${version}" }
`;
const image = (version: number): Record<string, string> => ({
  [`images/web/v${version}/config.json`]: `{"config": {"Entrypoint": ["true"]}}`,
});
const secret = (value: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { password: ${value} }\n`;

describe("an auditor who has only the JSON", () => {
  it("learns who, what, when, why, and approved by whom", async () => {
    world = await World.create({ "web.yaml": deployment(1), "s.yaml": secret("first-value"), ...image(1) });
    const reconciler = await world.settledReconciler();
    await world.push(
      reconciler,
      { "web.yaml": deployment(2), "s.yaml": secret("second-value"), ...image(2) },
      "Use version 2",
    );
    const [newest] = await world.ledger.attempts({ limit: 1 });
    if (newest === undefined) throw new Error("the push opened no attempt");
    const detail = { digest: "sha256:1", by: "Grace <grace@example.org>" };
    await world.ledger.event(newest, {
      at: "2026-01-01T00:00:00.000Z",
      type: "approved",
      message: "1 deletion",
      detail,
    });

    const audited = withRevisions(await world.ledger.attempts({}), await world.ledger.revisions({}));
    const text = JSON.stringify(audited);
    const [second, first] = JSON.parse(text) as JsonObject[];
    const events = (second?.events ?? []) as JsonObject[];

    // Who
    expect(second).toMatchObject({ authorName: expect.any(String), committerEmail: expect.stringContaining("@") });
    // What
    const planned = events.find(({ type }) => type === "planned");
    expect(planned?.detail).toMatchObject({
      objects: {
        list: [
          { action: "update", object: "secret/s", fields: ["data.password"], source: "s.yaml:1" },
          {
            ...{ action: "update", object: "deployment/web", source: "web.yaml:1" },
            fields: ["spec.template.spec.containers[name=web].image"],
          },
        ],
      },
    });
    const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
    expect(second?.revisions).toEqual([
      expect.objectContaining({ workload: "apps/Deployment/default/web", revision: 2, images: { "web:v2": digest } }),
    ]);
    expect(first?.revisions).toEqual([expect.objectContaining({ revision: 1, images: { "web:v1": digest } })]);
    // When
    expect(second).toMatchObject({ openedAt: expect.any(String), ending: { endedAt: expect.any(String) } });
    // Why
    expect(second).toMatchObject({ subject: "Use version 2", ending: { outcome: "deployed", reason: "" } });
    // Approved by whom
    const approvals = events.filter(({ type }) => type === "approved");
    expect(approvals).toEqual([expect.objectContaining({ detail })]);
    // And nothing that is nobody's business
    expect(text).not.toMatch(/first-value|second-value|template"/);
  });

  it("finds each revision at the attempt that made it, when a commit came twice", () => {
    const attempt = (row: number, ordinal: number, openedAt: string): never =>
      ({ row, ordinal, openedAt, app: "a", target: "t", commit: "c", events: [] }) as never;
    const revision = (number: number, startedAt: string): never =>
      ({ revision: number, startedAt, app: "a", target: "t", commit: "c" }) as never;
    const attempts = [attempt(3, 2, "2026-01-03"), attempt(1, 1, "2026-01-01")];
    const made = withRevisions(attempts, [revision(1, "2026-01-02"), revision(2, "2026-01-03"), revision(3, "2025")]);
    expect(made.map(({ revisions }) => revisions.map((each) => each.revision))).toEqual([[2], [1]]);
  });
});
