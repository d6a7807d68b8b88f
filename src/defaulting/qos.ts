/** The quality-of-service class of a pod, as the API server writes it into the first status. */
import { type Fields, isFields } from "./fill.ts";

const COUNTED = ["cpu", "memory"];

/**
 * Guaranteed when every container limits cpu and memory and requests just that, BestEffort when none requests or limits
 * either, else Burstable.
 *
 * @see Kubernetes pkg/apis/core/helper/qos/qos.go
 */
export function qosClass(spec: Fields): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers = [spec.containers, spec.initContainers].flatMap((list) => (Array.isArray(list) ? list : []));
  const amounts = containers.filter(isFields).map((container) => {
    const resources = isFields(container.resources) ? container.resources : {};
    return { limits: counted(resources.limits), requests: counted(resources.requests) };
  });
  if (amounts.every(({ limits, requests }) => limits.size === 0 && requests.size === 0)) return "BestEffort";
  const guaranteed = amounts.every(
    ({ limits, requests }) =>
      limits.size === COUNTED.length && [...requests].every(([name, amount]) => limits.get(name) === amount),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

/** Amounts of cpu and memory that are not zero. */
function counted(amounts: unknown): Map<string, unknown> {
  if (!isFields(amounts)) return new Map();
  return new Map(COUNTED.filter((name) => isPositive(amounts[name])).map((name) => [name, amounts[name]]));
}

function isPositive(amount: unknown): boolean {
  return amount !== undefined && !/^0*(?:\.0*)?[A-Za-z]*$/.test(String(amount));
}
