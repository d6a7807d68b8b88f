/** Rules on CronJobs: when, where the clock stands, and the job that each time makes. */
import { checkCron, neverComes } from "./cron.ts";
import type { Field } from "./field.ts";
import { checkJobSpec } from "./job.ts";
import { checkCounts } from "./limits.ts";
import type { Report } from "./report.ts";
import { checkTimeZone } from "./time-zone.ts";

/** A job's name takes 11 characters more, for the time. */
const LONGEST_NAME = 52;

export function checkCronJob(report: Report, root: Field): void {
  const spec = root.at("spec");
  const name = root.at("metadata", "name");
  if (name.text !== undefined && name.text.length > LONGEST_NAME && name.text.length <= 253) {
    report.error("name-format", name, `it must be no more than ${LONGEST_NAME} characters`, {
      hint: "The names of its jobs end in the time, and are at most 63 long.",
    });
  }
  checkSchedule(report, spec.at("schedule"));
  const zone = spec.at("timeZone");
  const wrong = zone.text === undefined ? null : checkTimeZone(zone.text);
  if (wrong !== null) report.error("cron-time-zone", zone, wrong.clause, wrong);
  checkCounts(report, spec, ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"]);
  report.oneOf(spec.at("concurrencyPolicy"), ["Allow", "Forbid", "Replace"]);
  const job = spec.at("jobTemplate", "spec");
  checkJobSpec(report, job);
  const selector = job.at("selector");
  if (selector.isGiven) report.error("job-setting", selector, "it will be generated", { hint: "Remove it." });
  const manual = job.at("manualSelector");
  if (manual.value === true) report.error("job-setting", manual, "it may not be true in a CronJob");
}

function checkSchedule(report: Report, schedule: Field): void {
  if (schedule.text === undefined) return;
  const wrong = checkCron(schedule.text);
  if (wrong !== null) report.error("cron-schedule", schedule, wrong.clause, wrong);
  else if (neverComes(schedule.text)) {
    const message = `${schedule.name} never comes: no month that it names has the day`;
    report.warning("cron-schedule", schedule, message, { at: "value" });
  }
}
