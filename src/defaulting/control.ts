/** What the API server fills in for priorities, request queues and devices (Kubernetes 1.37, pkg/apis/{scheduling,flowcontrol,resource}/v1). */
import { each, type Fields, fill, fillEmpty, isFields, within } from "./fill.ts";
import { canonicalAmounts } from "./quantity.ts";

const QUEUES: Fields = { handSize: 8, queues: 64, queueLengthLimit: 50 };

export function defaultPriorityClass(priorityClass: Fields): Fields {
  return fill(priorityClass, { preemptionPolicy: "PreemptLowerPriority" });
}

export function defaultFlowSchema(schema: Fields): Fields {
  return within(schema, "spec", (spec) => fillEmpty(spec, { matchingPrecedence: 1000 }));
}

export function defaultPriorityLevel(level: Fields): Fields {
  return within(level, "spec", (spec) => {
    const exempt = within(spec, "exempt", (shares) =>
      fill(shares, { nominalConcurrencyShares: 0, lendablePercent: 0 }),
    );
    return within(exempt, "limited", (shares) => {
      const filled = fill(shares, { nominalConcurrencyShares: 30, lendablePercent: 0 });
      return within(filled, "limitResponse", (response) =>
        within(response, "queuing", (queuing) => fillEmpty(queuing, QUEUES)),
      );
    });
  });
}

export function defaultResourceClaim(claim: Fields): Fields {
  return within(claim, "spec", defaultDeviceClaim);
}

export function defaultResourceClaimTemplate(template: Fields): Fields {
  return within(template, "spec", (spec) => within(spec, "spec", defaultDeviceClaim));
}

function defaultDeviceClaim(spec: Fields): Fields {
  return within(spec, "devices", (devices) =>
    each(devices, "requests", (request) =>
      each(within(request, "exactly", defaultDeviceRequest), "firstAvailable", defaultDeviceRequest),
    ),
  );
}

function defaultDeviceRequest(request: Fields): Fields {
  const moded = fillEmpty(request, { allocationMode: "ExactCount" });
  const counted = moded.allocationMode === "ExactCount" ? fillEmpty(moded, { count: 1 }) : moded;
  return each(counted, "tolerations", (toleration) =>
    isFields(toleration) ? fillEmpty(toleration, { operator: "Equal" }) : toleration,
  );
}

/** Nothing is filled in; what a pod takes besides its containers is stored in its canonical form. */
export function spelledRuntimeClass(runtimeClass: Fields): Fields {
  return within(runtimeClass, "overhead", (overhead) => within(overhead, "podFixed", canonicalAmounts));
}
