/** Check of where objects live: which cluster it is, whether it answers and lets trueup work, and whether they are still this state's own. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OWNER_ID_FILE } from "../../daemon/owner-id.ts";
import { readTargetRecord, TARGET_FILE, type TargetRecord } from "../../daemon/target-record.ts";
import { TrueupError } from "../../model/errors.ts";
import { type DoctorWorld, type Finding, ok, problem } from "./check.ts";

const NAME = "target";
const RIGHTS = "rights";
/** As `readOwnerId` makes them: one that the operator named has another form, and is kept in the configuration. */
const MADE_HERE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type TargetWorld = Pick<DoctorWorld, "stateDir" | "examine">;

export async function checkTarget({ stateDir, examine }: TargetWorld): Promise<Finding[]> {
  const path = join(stateDir, TARGET_FILE);
  if (!existsSync(path)) return [ok(NAME, "the embedded cluster")];
  const record = await readTargetRecord(stateDir);
  if (record === null) {
    return [problem(NAME, `${path} does not say which cluster it is`, "Remove it: the next daemon writes it anew.")];
  }
  return [...(await askedFindings(record, path, examine)), ...ownerFindings(record, stateDir)];
}

async function askedFindings(record: TargetRecord, path: string, examine: DoctorWorld["examine"]): Promise<Finding[]> {
  const { name, server = "", context, ownerId, clusterId } = record;
  const by = context === undefined ? "" : ` (context ${context})`;
  const where = `${name} at ${server}${by}`;
  try {
    const report = await examine(record);
    const { version, user, missing, rights } = report;
    if (clusterId !== undefined && report.clusterId !== null && report.clusterId !== clusterId) {
      const hint = `If it has taken the place of the other one, remove ${path}; else see where the context leads.`;
      return [problem(NAME, `${where} is another cluster than when it was last used`, hint)];
    }
    const as = user === "" ? "" : `, as ${user}`;
    const target = ok(NAME, `${name}: kubernetes ${version} at ${report.server}${by}${as}, owner ${ownerId}`);
    if (missing.length === 0) return [target, ok(RIGHTS, `all ${rights} that it needs`)];
    const hint = "Grant them, as examples/kubernetes/rbac.yaml does; what cannot be read is never changed.";
    return [target, ...missing.map((right) => problem(RIGHTS, `it may not ${right}`, hint))];
  } catch (error) {
    if (!(error instanceof TrueupError)) throw error;
    return [notAsked(where, error)];
  }
}

function notAsked(where: string, { code, message, hint }: TrueupError): Finding {
  switch (code) {
    case "unavailable":
    case "timeout": {
      const also = "See that the cluster runs and the network leads there. Nothing is changed meanwhile.";
      return problem(NAME, `${where} does not answer: ${message}`, hint ?? also);
    }
    case "forbidden":
      return problem(NAME, `${where} does not let trueup in: ${message}`, hint ?? "Renew its credentials.");
    default:
      return problem(NAME, `${where} cannot be asked: ${message}`, hint ?? "See where its credentials are.");
  }
}

function ownerFindings({ ownerId }: TargetRecord, stateDir: string): Finding[] {
  const path = join(stateDir, OWNER_ID_FILE);
  const kept = existsSync(path) ? readFileSync(path, "utf8").trim() : null;
  if (!MADE_HERE.test(ownerId) || kept === ownerId) return [];
  const is = kept === null ? "gone" : "another one";
  const message = `${OWNER_ID_FILE} is ${is}: what was applied as ${ownerId} is somebody else's`;
  return [problem(NAME, message, `Write that id back into it, or name it in the configuration: owner of the target.`)];
}
