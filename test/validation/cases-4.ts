/** Cases of rules, continued: what restarts pods. */
import type { RuleCase } from "./cases-1.ts";

const deployment = (annotation: string, spec = "", template = ""): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {trueup/restart-on: ${annotation}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}${template}}
    spec:
      containers:
      - name: web
        image: web:v1
${spec}`;

export const CASES: readonly RuleCase[] = [
  {
    rule: "restart-on",
    name: "unknown words",
    yaml: deployment('"configmaps, secret"'),
    expect: [
      '5:36 error restart-on: Cannot use metadata.annotations["trueup/restart-on"] as it must be configmap, secret or both, parted by a comma: it has "configmaps" (Did you mean configmap?)',
    ],
  },
  {
    rule: "restart-on",
    name: "no word",
    yaml: deployment('""'),
    expect: [
      '5:36 error restart-on: Cannot use metadata.annotations["trueup/restart-on"] as it must be configmap, secret or both, parted by a comma: it has ""',
    ],
  },
  {
    rule: "restart-on",
    name: "nothing to restart on, and the wrong place",
    yaml: deployment(
      "configmap",
      "        envFrom: [{secretRef: {name: a, optional: true}}]\n",
      ", annotations: {trueup/restart-on: secret}",
    ),
    expect: [
      "5:17 warning restart-on: trueup/restart-on has no effect as the pods use no ConfigMap",
      "9:50 warning restart-on: trueup/restart-on has no effect on a pod template (Write it under metadata.annotations of the Deployment itself.)",
    ],
  },
  {
    rule: "restart-on",
    name: "a Pod",
    yaml: `apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {trueup/restart-on: secret}}
spec: {containers: [{name: web, image: "web:v1"}]}
`,
    expect: [
      "3:37 warning restart-on: trueup/restart-on has no effect on a Pod: only a Deployment replaces pods (Write it on the Deployment that uses the configuration.)",
    ],
  },
  {
    rule: "restart-on",
    name: "what the app does not declare, optional or not, once",
    yaml: deployment(
      '"configmap,secret"',
      "        envFrom: [{configMapRef: {name: here}}, {configMapRef: {name: far, optional: true}}, {configMapRef: {name: far, optional: true}}]\n" +
        "      volumes:\n      - {name: v, projected: {sources: [{secret: {name: key}}]}}\n" +
        "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: here}}\n",
    ),
    expect: [
      "14:71 warning restart-on: A change of configmap/far restarts no pod of deployment/web: this app does not declare it (Declare the ConfigMap in the same app.)",
      "16:57 warning reference-missing: deployment/web needs secret/key, which this app does not declare (Declare the Secret, or see that it is there before the pods start.)",
      "16:57 warning restart-on: A change of secret/key restarts no pod of deployment/web: this app does not declare it (Declare the Secret in the same app.)",
    ],
  },
];
