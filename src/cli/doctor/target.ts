/** Check of where objects live: which cluster it is, whether anybody answers there, and whether they are still this state's own. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OWNER_ID_FILE } from "../../daemon/owner-id.ts";
import { readTargetRecord, TARGET_FILE } from "../../daemon/target-record.ts";
import { type DoctorWorld, type Finding, ok, problem } from "./check.ts";

const NAME = "target";
/** As `readOwnerId` makes them: one that the operator named has another form, and is kept in the configuration. */
const MADE_HERE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export async function checkTarget({
  stateDir,
  connects,
}: Pick<DoctorWorld, "stateDir" | "connects">): Promise<Finding[]> {
  const path = join(stateDir, TARGET_FILE);
  if (!existsSync(path)) return [ok(NAME, "the embedded cluster")];
  const record = await readTargetRecord(stateDir);
  if (record === null) {
    return [problem(NAME, `${path} does not say which cluster it is`, "Remove it: the next daemon writes it anew.")];
  }
  const { name, server = "", context, ownerId } = record;
  const by = context === undefined ? "" : ` (context ${context})`;
  const findings: Finding[] = [];
  if (!(await connects(server))) {
    const hint = "See that the cluster runs and the network leads there. Nothing is changed meanwhile.";
    findings.push(problem(NAME, `${name} does not answer at ${server}${by}`, hint));
  }
  const kept = existsSync(join(stateDir, OWNER_ID_FILE))
    ? readFileSync(join(stateDir, OWNER_ID_FILE), "utf8").trim()
    : null;
  if (MADE_HERE.test(ownerId) && kept !== ownerId) {
    const message = `${OWNER_ID_FILE} is ${kept === null ? "gone" : "another one"}: what was applied as ${ownerId} is somebody else's`;
    findings.push(
      problem(NAME, message, `Write that id back into it, or name it in the configuration: owner of the target.`),
    );
  }
  return findings.length > 0 ? findings : [ok(NAME, `${name}: kubernetes at ${server}${by}, owner ${ownerId}`)];
}
