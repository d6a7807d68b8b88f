/** A repository with the story that the crash matrix plays: version 1, version 2 with a ConfigMap less, and the undo. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commitFiles } from "../../src/git/commit.ts";
import { openRepository, type Repository } from "../../src/git/repository.ts";
import { editObject } from "../../src/manifest/edit.ts";
import type { ObjectId } from "../../src/model/object.ts";
import type { CommitId } from "../../src/model/source.ts";
import { commitAll, initRepository, temporary } from "../git/support.ts";

export const REF = "refs/heads/main";
export const REPLICAS = 2;
export const MAX_SURGE = 1;
/** Path of the Deployment's manifest. */
export const WEB = "web.yaml";

const WEB_ID: ObjectId = { group: "apps", kind: "Deployment", namespace: "default", name: "web" };

export interface History {
  path: string;
  repository: Repository;
  first: CommitId;
  second: CommitId;
  undo: CommitId;
  dispose(): Promise<void>;
}

function configMap(name: string, value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`;
}

/** @param command What its pods run, for real processes; simulated ones run nothing */
function files(command: string, shell: string): Record<string, string> {
  const config = JSON.stringify({ config: { Entrypoint: [command, "server.js"] } });
  return {
    [WEB]: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: ${REPLICAS}
  selector:
    matchLabels: {app: web}
  strategy:
    rollingUpdate: {maxSurge: ${MAX_SURGE}, maxUnavailable: 0}
  template:
    metadata:
      labels: {app: web}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: web
        image: server:v1
        ports:
        - containerPort: 8080
        readinessProbe:
          periodSeconds: 1
          tcpSocket: {port: 8080}
`,
    "service.yaml": `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
  - port: 80
    targetPort: 8080
`,
    "kept.yaml": configMap("kept", "1"),
    "same.yaml": configMap("same", "1"),
    "pruned.yaml": configMap("pruned", "1"),
    "images/server/v1/config.json": config,
    "images/server/v1/server.js": `${shell}// v1\n`,
    "images/server/v2/config.json": config,
    "images/server/v2/server.js": `${shell}// v2\n`,
  };
}

/** Makes it, with `set image` and `rollout undo` as the commands make their commits. `main` stands at version 1. */
export async function makeHistory(command = "true", script = ""): Promise<History> {
  const { path: folder, dispose } = temporary();
  const path = join(folder, "repository");
  initRepository(path);
  const first = commitAll(path, files(command, script), "Version 1");
  const repository = await openRepository(path);
  const textAt = async (commit: CommitId): Promise<string> => {
    const file = (await repository.filesAt(commit, [WEB])).get(WEB);
    if (file === undefined) throw new Error(`${WEB} is not in ${commit}`);
    return repository.text(file.blob);
  };
  const before = await textAt(first);
  const image = ["spec", "template", "spec", "containers", 0, "image"];
  const changed = editObject(before, WEB_ID, [{ op: "set", path: image, value: "server:v2" }]);
  const changes = [
    { path: WEB, content: changed },
    { path: "kept.yaml", content: configMap("kept", "2") },
    { path: "pruned.yaml", delete: true as const },
  ];
  const message = "Set image of deployment/web to server:v2";
  const second = await commitFiles(repository, { ref: REF, expectedHead: first, changes, message });
  const back = { op: "replaceFrom" as const, path: ["spec", "template"], sourceText: before, sourceId: WEB_ID };
  const undone = editObject(changed, WEB_ID, [back]);
  const undo = await commitFiles(repository, {
    ref: REF,
    expectedHead: second,
    changes: [{ path: WEB, content: undone }],
    message: "Undo deployment/web to revision 1",
  });
  moveMain(path, first);
  const end = async (): Promise<void> => {
    await repository.close();
    dispose();
  };
  return { path, repository, first, second, undo, dispose: end };
}

/** Sets the branch as git does, by a lock file that becomes the ref; the work tree is nobody's concern here. */
export function moveMain(path: string, commit: CommitId): void {
  const ref = join(path, ".git", REF);
  writeFileSync(`${ref}.lock`, `${commit}\n`, { flag: "wx" });
  renameSync(`${ref}.lock`, ref);
}
